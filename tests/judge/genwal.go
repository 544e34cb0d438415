// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	wal "github.com/hashicorp/raft-wal"
)

func genWALCommand(args []string) (any, error) {
	flags := newFlags("gen-wal")
	name := flags.String("shape", "wal-sealed-segments", "name of the shape, see judge shapes")
	seed := flags.Uint64("seed", 1, "the same seed makes the same entries")
	paths, err := parse(flags, args, 1)
	if err != nil {
		return nil, err
	}
	for _, shape := range walShapes {
		if shape.Name == *name {
			return shape, generateWAL(shape, paths[0], *seed)
		}
	}
	return nil, fmt.Errorf("no WAL shape is named %q", *name)
}

// walBuilder appends to one directory, opening it anew for each session.
type walBuilder struct {
	directory      string
	segment, batch int
	entries        *generator
}

// generateWAL makes a WAL in a new directory.
func generateWAL(shape walShape, directory string, seed uint64) error {
	if err := os.Mkdir(directory, 0o700); err != nil {
		return err
	}
	builder := &walBuilder{directory, 65536, 16, newGenerator(shape.entrySpec, seed)}
	if shape.Segment > 0 {
		builder.segment = shape.Segment
	}
	if shape.Batch > 0 {
		builder.batch = shape.Batch
	}
	sessions := max(shape.Sessions, 1)
	for range sessions {
		if err := builder.append(shape.Count / sessions); err != nil {
			return err
		}
	}
	if err := builder.truncate(shape.DropHead, shape.DropTail); err != nil {
		return err
	}
	if err := builder.append(shape.Then); err != nil {
		return err
	}
	if err := builder.setStable(shape.Stable); err != nil {
		return err
	}
	return finishWAL(shape.Finish, builder)
}

func (b *walBuilder) session(work func(*wal.WAL) error) error {
	log, err := openWAL(b.directory, b.segment)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := work(log); err != nil {
		return err
	}
	return settle(log)
}

// settle waits for a rotation that raft-wal does in the background. Closed before it, the WAL would keep a sealed file
// that its metadata calls unsealed, to which raft-wal can never append again.
func settle(log *wal.WAL) error {
	last, err := log.LastIndex()
	if err != nil {
		return err
	}
	return log.DeleteRange(last+1, last+1)
}

func (b *walBuilder) append(count int) error {
	return b.session(func(log *wal.WAL) error {
		for count > 0 {
			batch, err := b.entries.batch(min(b.batch, count))
			if err != nil {
				return err
			}
			if err := log.StoreLogs(batch); err != nil {
				return err
			}
			count -= len(batch)
		}
		return nil
	})
}

func (b *walBuilder) truncate(dropHead, dropTail uint64) error {
	return b.session(func(log *wal.WAL) error {
		first, last, err := bounds(log)
		if err != nil {
			return err
		}
		if dropHead > 0 {
			if err := log.DeleteRange(first, dropHead); err != nil {
				return err
			}
		}
		if dropTail > 0 {
			b.entries.index = dropTail
			return log.DeleteRange(dropTail, last)
		}
		return nil
	})
}

func (b *walBuilder) setStable(kind string) error {
	return b.session(func(log *wal.WAL) error {
		for _, item := range stableValues(kind, b.entries.term) {
			var err error
			if bytes.Equal(item.key, keyCandidate) {
				err = log.Set(item.key, item.value)
			} else {
				err = log.SetUint64(item.key, binary.BigEndian.Uint64(item.value))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
