// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// snapshotCommand adds a snapshot to the directory snapshots/ of a Raft directory, as raft itself does.
func snapshotCommand(args []string) (any, error) {
	flags := newFlags("snapshot")
	index := flags.Uint64("index", 1, "last index that the snapshot covers")
	term := flags.Uint64("term", 2, "term of that index")
	size := flags.Int("size", 20000, "bytes of state.bin")
	seed := flags.Uint64("seed", 3, "the same seed makes the same state")
	paths, err := parse(flags, args, 1)
	if err != nil {
		return nil, err
	}
	id, err := takeSnapshot(paths[0], *index, *term, *size, *seed)
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": id}, nil
}

// takeSnapshot returns the ID of the new snapshot. As in Nomad, the two newest stay.
func takeSnapshot(directory string, index, term uint64, size int, seed uint64) (string, error) {
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(directory, 2, hclog.NewNullLogger())
	if err != nil {
		return "", err
	}
	_, transport := raft.NewInmemTransport("10.0.0.1:4647")
	members := raft.Configuration{Servers: []raft.Server{{ID: "a", Address: "10.0.0.1:4647"}}}
	sink, err := snapshots.Create(raft.SnapshotVersionMax, index, term, members, 1, transport)
	if err != nil {
		return "", err
	}
	if _, err := sink.Write(newGenerator(entrySpec{}, seed).read(size)); err != nil {
		return "", err
	}
	return sink.ID(), sink.Close()
}
