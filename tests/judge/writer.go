// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	bolt "github.com/boltdb/bolt"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
)

// A writer is what a shape is written with: raft-boltdb itself, bbolt for forms of entries that raft-boltdb no longer
// writes, or the ancestor of bbolt.
type writer interface {
	StoreLogs([]*raft.Log) error
	DeleteRange(first, last uint64) error
	Set(key, value []byte) error
	Close() error
}

func openWriter(shape shape, path string) (writer, error) {
	if shape.Version1 {
		return openVersion1(shape, path)
	}
	options := bbolt.Options{PageSize: shape.PageSize, NoFreelistSync: shape.NoFreelistSync, NoSync: true}
	store, err := openBolt(path, options)
	if err != nil || shape.Form == "" {
		return store, err
	}
	if err := store.Close(); err != nil { // it has made the buckets
		return nil, err
	}
	db, err := bbolt.Open(path, 0o600, &options)
	return &boltWriter{shape, db}, err
}

type boltWriter struct {
	shape shape
	db    *bbolt.DB
}

func (w *boltWriter) Close() error { return w.db.Close() }

func (w *boltWriter) StoreLogs(entries []*raft.Log) error {
	return w.db.Update(func(tx *bbolt.Tx) error {
		logs := tx.Bucket([]byte("logs"))
		if w.shape.Fill > 0 {
			logs.FillPercent = w.shape.Fill
		}
		if w.shape.Sequence > 0 {
			if err := logs.SetSequence(w.shape.Sequence); err != nil {
				return err
			}
		}
		return putAll(logs, entries, w.shape.Form)
	})
}

func (w *boltWriter) DeleteRange(first, last uint64) error {
	return w.db.Update(func(tx *bbolt.Tx) error {
		for index := first; index <= last; index++ {
			if err := tx.Bucket([]byte("logs")).Delete(key(index)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *boltWriter) Set(name, value []byte) error {
	return w.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("conf")).Put(name, value) })
}

// version1 writes with boltdb/bolt 1.3.1, which raft-boltdb used before it moved to bbolt.
type version1 struct {
	shape shape
	db    *bolt.DB
}

func openVersion1(shape shape, path string) (writer, error) {
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		return nil, err
	}
	return &version1{shape, db}, db.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{"logs", "conf"} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *version1) Close() error { return w.db.Close() }

func (w *version1) StoreLogs(entries []*raft.Log) error {
	return w.db.Update(func(tx *bolt.Tx) error {
		return putAll(tx.Bucket([]byte("logs")), entries, w.shape.Form)
	})
}

func (w *version1) DeleteRange(first, last uint64) error {
	return w.db.Update(func(tx *bolt.Tx) error {
		for index := first; index <= last; index++ {
			if err := tx.Bucket([]byte("logs")).Delete(key(index)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *version1) Set(name, value []byte) error {
	return w.db.Update(func(tx *bolt.Tx) error { return tx.Bucket([]byte("conf")).Put(name, value) })
}

type putter interface {
	Put(key, value []byte) error
}

func putAll(logs putter, entries []*raft.Log, form string) error {
	for _, entry := range entries {
		value, err := encode(entry, form)
		if err != nil {
			return err
		}
		if err := logs.Put(key(entry.Index), value); err != nil {
			return err
		}
	}
	return nil
}

var _ writer = (*raftboltdb.BoltStore)(nil)
