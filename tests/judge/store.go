// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	wal "github.com/hashicorp/raft-wal"
	"go.etcd.io/bbolt"
)

const (
	mebibyte = 1 << 20
	// What Nomad uses when it opens a WAL without a setting, and always in migrate-backend.
	defaultSegment = 64 * mebibyte
	lockTimeout    = 5 * time.Second
)

// The three keys that raft itself keeps; the first two hold integers.
var (
	keyTerm      = []byte("CurrentTerm")
	keyVoteTerm  = []byte("LastVoteTerm")
	keyCandidate = []byte("LastVoteCand")
)

type store interface {
	raft.LogStore
	raft.StableStore
	Close() error
}

func isWAL(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	return info.IsDir(), nil
}

// openStore opens an existing store for writing; a directory is a WAL, a file is a raft.db.
func openStore(path string, segment int) (store, error) {
	directory, err := isWAL(path)
	if err != nil {
		return nil, err
	}
	if directory {
		return openWAL(path, segment)
	}
	return openBolt(path, bbolt.Options{})
}

// openBolt opens or creates a raft.db as Nomad does.
func openBolt(path string, options bbolt.Options) (*raftboltdb.BoltStore, error) {
	options.Timeout = lockTimeout
	return raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: &options, MsgpackUseNewTimeFormat: true})
}

// openWAL opens or creates the WAL in an existing directory. Like Nomad's own start it may create the tail's file and
// removes segment files that the metadata does not know.
func openWAL(directory string, segment int) (*wal.WAL, error) {
	return wal.Open(directory, wal.WithSegmentSize(segment), wal.WithLogger(hclog.NewNullLogger()))
}

// stableBucket returns the bbolt file that holds the stable keys of a store and the bucket's name in it.
func stableBucket(path string) (file, bucket string, err error) {
	directory, err := isWAL(path)
	if err != nil {
		return "", "", err
	}
	if directory {
		return filepath.Join(path, "wal-meta.db"), "stable", nil
	}
	return path, "conf", nil
}

// viewBolt opens a bbolt file read-only: not one byte of it changes.
func viewBolt(path string, view func(*bbolt.Tx) error) error {
	db, err := bbolt.Open(path, 0, &bbolt.Options{ReadOnly: true, Timeout: lockTimeout})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer db.Close()
	return db.View(view)
}
