// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"

	wal "github.com/hashicorp/raft-wal"
)

func appendCommand(args []string) (any, error) {
	flags := newFlags("append")
	count := flags.Int("count", 100, "entries")
	size := flags.String("size", "200", "bytes of data per entry: 200, 0..4000 or ~940 (mean)")
	first := flags.Uint64("first", 1, "index of the first entry where the log is empty")
	term := flags.Uint64("term", 100, "term of the first entry")
	batch := flags.Int("batch", 10, "entries per append")
	segment := flags.Int("segment", defaultSegment, "size limit of new WAL segments in bytes")
	seed := flags.Uint64("seed", 2, "the same seed makes the same entries")
	paths, err := parse(flags, args, 1)
	if err != nil {
		return nil, err
	}
	return change(paths[0], *segment, func(log store) error {
		_, last, err := bounds(log)
		if err != nil {
			return err
		}
		if last > 0 {
			*first = last + 1
		}
		entries := newGenerator(entrySpec{First: *first, Term: *term, Size: *size}, *seed)
		for *count > 0 {
			made, err := entries.batch(min(*batch, *count))
			if err != nil {
				return err
			}
			if err := log.StoreLogs(made); err != nil {
				return err
			}
			*count -= len(made)
		}
		return nil
	})
}

func truncateCommand(args []string) (any, error) {
	flags := newFlags("truncate")
	head := flags.Uint64("head", 0, "delete the entries up to this index, as compaction does")
	tail := flags.Uint64("tail", 0, "delete the entries from this index on, as a new leader's log does")
	segment := flags.Int("segment", defaultSegment, "size limit of new WAL segments in bytes")
	paths, err := parse(flags, args, 1)
	if err != nil {
		return nil, err
	}
	if *head == 0 && *tail == 0 {
		return nil, errors.New("give -head, -tail or both")
	}
	return change(paths[0], *segment, func(log store) error {
		first, last, err := bounds(log)
		if err != nil {
			return err
		}
		if *head > 0 {
			if err := log.DeleteRange(first, *head); err != nil {
				return fmt.Errorf("head: %w", err)
			}
		}
		if *tail > 0 {
			if err := log.DeleteRange(*tail, last); err != nil {
				return fmt.Errorf("tail: %w", err)
			}
		}
		return nil
	})
}

func voteCommand(args []string) (any, error) {
	flags := newFlags("vote")
	term := flags.Uint64("term", 0, "the current term, and that of the vote")
	candidate := flags.String("candidate", "", "address of the server that gets the vote; without it there is only a new term")
	paths, err := parse(flags, args, 1)
	if err != nil {
		return nil, err
	}
	values := stable{CurrentTerm: term}
	if *candidate != "" {
		values.LastVoteTerm, values.LastVoteCandidate = term, candidate
	}
	return change(paths[0], defaultSegment, func(log store) error { return writeStable(log, values) })
}

// change opens a store, works on it, closes it and returns its digest.
func change(path string, segment int, work func(store) error) (*digest, error) {
	log, err := openStore(path, segment)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if err := work(log); err != nil {
		return nil, err
	}
	if err := closeSettled(log); err != nil {
		return nil, err
	}
	return digestOf(path, 0, everything)
}

func closeSettled(log store) error {
	if rotating, ok := log.(*wal.WAL); ok {
		if err := settle(rotating); err != nil {
			return err
		}
	}
	return log.Close()
}
