// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/hashicorp/raft-wal/migrate"
	"go.etcd.io/bbolt"
)

type conversion struct {
	Seconds   float64 `json:"seconds"`
	PeakRSS   int64   `json:"peak_rss_bytes"`
	BatchSize int     `json:"batch_bytes"`
}

func toWALCommand(args []string) (any, error) {
	flags := newFlags("to-wal")
	batch := flags.Int("batch", 64*mebibyte, "bytes per append; Nomad's migrate-backend uses 64 MiB, 1 MiB is faster")
	segment := flags.Int("segment", defaultSegment, "size limit of a segment in bytes")
	paths, err := parse(flags, args, 2)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(paths[1], 0o700); err != nil {
		return nil, err
	}
	return convert(paths, *batch, func() (store, error) { return openWAL(paths[1], *segment) })
}

func toBoltCommand(args []string) (any, error) {
	flags := newFlags("to-boltdb")
	batch := flags.Int("batch", 64*mebibyte, "bytes per transaction")
	paths, err := parse(flags, args, 2)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(paths[1]); !errors.Is(err, os.ErrNotExist) {
		return nil, errors.New(paths[1] + " is in the way")
	}
	return convert(paths, *batch, func() (store, error) { return openBolt(paths[1], bbolt.Options{}) })
}

// convert copies the store at paths[0] with HashiCorp's own loop. Unlike migrate-backend it accepts an empty log and
// absent stable keys, and it compares nothing.
func convert(paths []string, batch int, create func() (store, error)) (*conversion, error) {
	started := time.Now()
	present, err := readStable(paths[0])
	if err != nil {
		return nil, err
	}
	source, err := openStore(paths[0], defaultSegment)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	target, err := create()
	if err != nil {
		return nil, err
	}
	defer target.Close()
	if _, last, err := bounds(source); err != nil {
		return nil, err
	} else if last > 0 {
		if err := migrate.CopyLogs(context.Background(), target, source, batch, nil); err != nil {
			return nil, err
		}
	}
	if err := writeStable(target, present); err != nil {
		return nil, err
	}
	if err := closeSettled(target); err != nil {
		return nil, err
	}
	seconds := time.Since(started).Seconds()
	return &conversion{Seconds: seconds, PeakRSS: peakRSS(), BatchSize: batch}, nil
}

func writeStable(target store, values stable) error {
	var failed []error
	if values.CurrentTerm != nil {
		failed = append(failed, target.SetUint64(keyTerm, *values.CurrentTerm))
	}
	if values.LastVoteTerm != nil {
		failed = append(failed, target.SetUint64(keyVoteTerm, *values.LastVoteTerm))
	}
	if values.LastVoteCandidate != nil {
		failed = append(failed, target.Set(keyCandidate, []byte(*values.LastVoteCandidate)))
	}
	return errors.Join(failed...)
}

// peakRSS is this process's own peak in bytes, mapped file pages included.
func peakRSS() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return usage.Maxrss * 1024
}
