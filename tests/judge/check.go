// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"

	"go.etcd.io/bbolt"
)

type checked struct {
	PageSize int   `json:"page_size"`
	Size     int64 `json:"size"`
	Depth    int   `json:"logs_depth"`
	Leaves   int   `json:"logs_leaf_pages"`
	Overflow int   `json:"logs_overflow_pages"`
	Inline   bool  `json:"logs_inline"`
	Free     int   `json:"free_pages"`
}

func checkCommand(args []string) (any, error) {
	paths, err := parse(newFlags("check"), args, 1)
	if err != nil {
		return nil, err
	}
	directory, err := isWAL(paths[0])
	if err != nil {
		return nil, err
	}
	if directory {
		return checkWAL(paths[0])
	}
	return checkBolt(paths[0])
}

// checkBolt runs bbolt's own consistency check on a raft.db or a wal-meta.db.
func checkBolt(path string) (*checked, error) {
	var result checked
	return &result, viewBolt(path, func(tx *bbolt.Tx) error {
		result.PageSize = tx.DB().Info().PageSize
		result.Size = tx.Size()
		if logs := tx.Bucket([]byte("logs")); logs != nil {
			stats := logs.Stats()
			result.Depth = stats.Depth
			result.Leaves = stats.LeafPageN
			result.Overflow = stats.LeafOverflowN
			result.Inline = stats.InlineBucketN > 0
		}
		var problem error
		for found := range tx.Check() {
			if problem == nil {
				problem = fmt.Errorf("%s: %w", path, found)
			}
		}
		result.Free = tx.DB().Stats().FreePageN
		return problem
	})
}
