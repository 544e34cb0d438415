// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"
)

type checkedWAL struct {
	checked
	Sealed int `json:"sealed_segments"`
}

// checkWAL looks at what raft-wal never looks at again once a segment is sealed: the checksum of its last commit, and
// whether its frames are what the metadata say. It lets raft-wal recover every sealed segment as if it were the tail.
func checkWAL(directory string) (*checkedWAL, error) {
	meta, err := checkBolt(filepath.Join(directory, "wal-meta.db"))
	if err != nil {
		return nil, err
	}
	var db metadb.BoltMetaDB
	state, err := db.Load(directory)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	result := &checkedWAL{checked: *meta}
	files := segment.NewFiler(directory, fs.New())
	for _, info := range state.Segments {
		if info.SealTime.IsZero() {
			continue
		}
		if err := checkSegment(files, info); err != nil {
			return nil, fmt.Errorf("%s: %w", segment.FileName(info), err)
		}
		result.Sealed++
	}
	return result, nil
}

func checkSegment(files *segment.Filer, info types.SegmentInfo) error {
	open := info
	open.SealTime, open.MaxIndex, open.IndexStart = time.Time{}, 0, 0
	recovered, err := files.RecoverTail(open) // changes nothing before the first append
	if err != nil {
		return err
	}
	defer recovered.Close()
	// A tail that was truncated keeps its entries in the file, so there may be more than the metadata count.
	if last := recovered.LastIndex(); last < info.MaxIndex {
		return fmt.Errorf("%d is the last entry with a valid checksum, %d in the metadata", last, info.MaxIndex)
	}
	sealed, indexStart, err := recovered.Sealed()
	if err != nil {
		return err
	}
	if !sealed || indexStart != info.IndexStart {
		return fmt.Errorf("the index is at %d, in the metadata at %d", indexStart, info.IndexStart)
	}
	return nil
}
