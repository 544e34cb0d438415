// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
)

func shapesCommand(args []string) (any, error) {
	if _, err := parse(newFlags("shapes"), args, 0); err != nil {
		return nil, err
	}
	names := map[string][]string{"boltdb": {}, "refused": {}, "wal": {}, "wal-refused": {}}
	for _, shape := range shapes {
		kind := "boltdb"
		if shape.Refused != "" {
			kind = "refused"
		}
		names[kind] = append(names[kind], shape.Name)
	}
	for _, shape := range walShapes {
		kind := "wal"
		if shape.Refused != "" {
			kind = "wal-refused"
		}
		names[kind] = append(names[kind], shape.Name)
	}
	return names, nil
}

func genCommand(args []string) (any, error) {
	flags := newFlags("gen")
	name := flags.String("shape", "plain", "name of the shape, see judge shapes")
	seed := flags.Uint64("seed", 1, "the same seed makes the same entries")
	count := flags.Int("count", -1, "entries, instead of the shape's own number")
	size := flags.String("size", "", "bytes of data per entry, instead of the shape's own: 200, 0..4000 or ~940 (mean)")
	pageSize := flags.Int("page-size", 0, "bytes, instead of the shape's own")
	batch := flags.Int("batch", 0, "entries per transaction, instead of the shape's own")
	paths, err := parse(flags, args, 1)
	if err != nil {
		return nil, err
	}
	found, err := shapeNamed(*name)
	if err != nil {
		return nil, err
	}
	if *count >= 0 {
		found.Count = *count
	}
	if *size != "" {
		found.Size = *size
	}
	if *pageSize > 0 {
		found.PageSize = *pageSize
	}
	if *batch > 0 {
		found.Batch = *batch
	}
	return found, generate(found, paths[0], *seed)
}

func shapeNamed(name string) (shape, error) {
	for _, shape := range shapes {
		if shape.Name == name {
			return shape, nil
		}
	}
	return shape{}, fmt.Errorf("no shape is named %q", name)
}

// generate makes a raft.db at path, which must not exist. Nothing is synced: these files are made to be read at once.
func generate(shape shape, path string, seed uint64) error {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is in the way", path)
	}
	if err := fill(shape, path, newGenerator(shape.entrySpec, seed)); err != nil {
		return err
	}
	if err := addExtra(shape, path); err != nil {
		return err
	}
	return finish(shape.Finish, path)
}

func fill(shape shape, path string, entries *generator) error {
	out, err := openWriter(shape, path)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := write(shape, out, entries, shape.Count); err != nil {
		return err
	}
	for round := range shape.Churn {
		quarter := uint64(shape.Count / 4)
		first := max(shape.First, 1) + uint64(round)*quarter
		if err := out.DeleteRange(first, first+quarter-1); err != nil {
			return err
		}
		if err := write(shape, out, entries, int(quarter)); err != nil {
			return err
		}
	}
	for _, span := range shape.Delete {
		if err := out.DeleteRange(span[0], span[1]); err != nil {
			return err
		}
	}
	for _, item := range stableValues(shape.Stable, entries.term) {
		if err := out.Set(item.key, item.value); err != nil {
			return err
		}
	}
	return out.Close()
}

func write(shape shape, out writer, entries *generator, count int) error {
	size := 64
	if shape.Batch > 0 {
		size = shape.Batch
	}
	for count > 0 {
		batch, err := entries.batch(min(size, count))
		if err != nil {
			return err
		}
		count -= len(batch)
		if err := out.StoreLogs(without(batch, shape.Skip)); err != nil {
			return err
		}
	}
	return nil
}

func without(entries []*raft.Log, spans [][2]uint64) []*raft.Log {
	kept := entries[:0]
	for _, entry := range entries {
		skip := false
		for _, span := range spans {
			skip = skip || span[0] <= entry.Index && entry.Index <= span[1]
		}
		if !skip {
			kept = append(kept, entry)
		}
	}
	return kept
}

// addExtra puts something into the file that no Nomad would.
func addExtra(shape shape, path string) error {
	if shape.Extra == "" {
		return nil
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Update(func(tx *bbolt.Tx) error {
		logs, conf := tx.Bucket([]byte("logs")), tx.Bucket([]byte("conf"))
		switch shape.Extra {
		case "stable-key":
			return conf.Put([]byte("ClusterID"), key(7))
		case "short-term":
			return conf.Put(keyTerm, []byte{0, 0, 0, 7})
		case "short-log-key":
			return logs.Put([]byte{0, 0, 0, 0, 0, 0, 1}, []byte("x"))
		case "nested-bucket":
			_, err := logs.CreateBucket(key(1000))
			return err
		case "no-logs":
			return tx.DeleteBucket([]byte("logs"))
		}
		return fmt.Errorf("unknown extra %q", shape.Extra)
	})
}
