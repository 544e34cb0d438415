// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
	"math/big"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
)

// A null says that the store does not have the key, which raft reads as 0 or "".
type stable struct {
	CurrentTerm       *uint64 `json:"current_term"`
	LastVoteTerm      *uint64 `json:"last_vote_term"`
	LastVoteCandidate *string `json:"last_vote_candidate"`
}

type digest struct {
	Backend    string `json:"backend"`
	Digest     string `json:"digest"`
	FirstIndex uint64 `json:"first_index"`
	LastIndex  uint64 `json:"last_index"`
	Entries    uint64 `json:"entries"`
	// Ranges of indexes between the first and the last that the store does not have.
	Holes  [][2]uint64 `json:"holes"`
	Stable stable      `json:"stable"`

	from, to uint64
	hash     hash.Hash
}

func digestCommand(args []string) (any, error) {
	flags := newFlags("digest")
	from := flags.Uint64("from", 0, "leave out entries below this index")
	to := flags.Uint64("to", math.MaxUint64, "leave out entries above this index")
	paths, err := parse(flags, args, 1)
	if err != nil {
		return nil, err
	}
	return digestOf(paths[0], *from, *to)
}

func digestOf(path string, from, to uint64) (*digest, error) {
	sum := &digest{from: from, to: to, hash: sha256.New(), Holes: [][2]uint64{}}
	directory, err := isWAL(path)
	if err != nil {
		return nil, err
	}
	if sum.Stable, err = readStable(path); err != nil {
		return nil, err
	}
	if directory {
		sum.Backend = "wal"
		err = sum.readWAL(path)
	} else {
		sum.Backend = "boltdb"
		err = sum.readBolt(path)
	}
	sum.Digest = hex.EncodeToString(sum.hash.Sum(nil))
	return sum, err
}

func (d *digest) readWAL(path string) error {
	log, err := openWAL(path, defaultSegment)
	if err != nil {
		return err
	}
	defer log.Close()
	first, last, err := bounds(log)
	if err != nil || last == 0 {
		return err
	}
	for index := max(first, d.from); index <= min(last, d.to); index++ {
		if err := d.read(log, index); err != nil {
			return err
		}
		if index == math.MaxUint64 {
			break
		}
	}
	return nil
}

// readBolt takes the indexes from the keys, because a log in BoltDB may have holes, and the entries from raft-boltdb.
func (d *digest) readBolt(path string) error {
	log, err := raftboltdb.New(raftboltdb.Options{
		Path:        path,
		BoltOptions: &bbolt.Options{ReadOnly: true, Timeout: lockTimeout},
	})
	if err != nil {
		return err
	}
	defer log.Close()
	return viewBolt(path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("logs")).ForEach(func(key, _ []byte) error {
			index := binary.BigEndian.Uint64(key)
			if index < d.from || index > d.to {
				return nil
			}
			return d.read(log, index)
		})
	})
}

func (d *digest) read(log raft.LogStore, index uint64) error {
	var entry raft.Log
	if err := log.GetLog(index, &entry); err != nil {
		return fmt.Errorf("index %d: %w", index, err)
	}
	if entry.Index != index {
		return fmt.Errorf("the entry stored at index %d says that it is %d", index, entry.Index)
	}
	if d.Entries == 0 {
		d.FirstIndex = index
	} else if index != d.LastIndex+1 {
		d.Holes = append(d.Holes, [2]uint64{d.LastIndex + 1, index - 1})
	}
	d.LastIndex = index
	d.Entries++
	_, err := fmt.Fprintf(d.hash, "%d %d %d %x %x %s\n",
		entry.Index, entry.Term, entry.Type, entry.Data, entry.Extensions, unixNano(entry.AppendedAt))
	return err
}

// unixNano is Time.UnixNano for every year, not only for those that fit into 64 bits.
func unixNano(t time.Time) *big.Int {
	if t.IsZero() {
		return new(big.Int)
	}
	nanos := new(big.Int).Mul(big.NewInt(t.Unix()), big.NewInt(int64(time.Second)))
	return nanos.Add(nanos, big.NewInt(int64(t.Nanosecond())))
}

func bounds(log raft.LogStore) (first, last uint64, err error) {
	if first, err = log.FirstIndex(); err != nil {
		return 0, 0, err
	}
	last, err = log.LastIndex()
	return first, last, err
}

// readStable looks into the bucket itself, because raft-wal reads an absent integer as 0.
func readStable(path string) (stable, error) {
	var found stable
	file, bucket, err := stableBucket(path)
	if err != nil {
		return found, err
	}
	order := binary.ByteOrder(binary.BigEndian)
	if bucket == "stable" {
		order = binary.LittleEndian
	}
	err = viewBolt(file, func(tx *bbolt.Tx) error {
		conf := tx.Bucket([]byte(bucket))
		if conf == nil {
			return fmt.Errorf("%s has no bucket %q", file, bucket)
		}
		found.CurrentTerm = number(order, conf.Get(keyTerm))
		found.LastVoteTerm = number(order, conf.Get(keyVoteTerm))
		if value := conf.Get(keyCandidate); value != nil {
			text := string(value)
			found.LastVoteCandidate = &text
		}
		return nil
	})
	return found, err
}

func number(order binary.ByteOrder, value []byte) *uint64 {
	if value == nil {
		return nil
	}
	n := order.Uint64(value)
	return &n
}
