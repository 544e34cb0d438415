// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	wal "github.com/hashicorp/raft-wal"
)

// loadCommand writes to a store as a busy server does, until its standard input ends: it appends, takes snapshots and cuts
// the log's head after them, so that pages are used again, and begins new terms. After each append it prints the index of
// the last entry.
func loadCommand(args []string) (any, error) {
	flags := newFlags("load")
	size := flags.String("size", "0..4000", "bytes of data per entry: 200, 0..4000 or ~940 (mean)")
	keep := flags.Uint64("keep", 2000, "entries that stay in the log")
	segment := flags.Int("segment", 1<<20, "size limit of new WAL segments in bytes")
	seed := flags.Uint64("seed", 3, "the same seed makes the same entries")
	paths, err := parse(flags, args, 1)
	if err != nil {
		return nil, err
	}
	var ended atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		ended.Store(true)
	}()
	return change(paths[0], *segment, func(log store) error {
		_, last, err := bounds(log)
		if err != nil {
			return err
		}
		term := uint64(1000)
		entries := newGenerator(entrySpec{First: last + 1, Term: term, Size: *size}, *seed)
		for turn := uint64(1); !ended.Load(); turn++ {
			made, err := entries.batch(int(1 + turn%16))
			if err != nil {
				return err
			}
			if err := log.StoreLogs(made); err != nil {
				return err
			}
			first, last, err := bounds(log)
			if err != nil {
				return err
			}
			fmt.Println(last)
			if last-first > *keep+*keep/4 {
				if err := compact(log, filepath.Dir(paths[0]), first, last-*keep, term); err != nil {
					return err
				}
			}
			if turn%32 == 1 {
				term++
				if err := writeStable(log, stable{CurrentTerm: &term}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// compact takes a snapshot and then cuts the log's head up to its index.
func compact(log store, directory string, first, index, term uint64) error {
	if _, err := takeSnapshot(directory, index, term, 20000, index); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if rotating, ok := log.(*wal.WAL); ok {
		if err := settle(rotating); err != nil {
			return err
		}
	}
	if err := log.DeleteRange(first, index); err != nil {
		return fmt.Errorf("head: %w", err)
	}
	return nil
}
