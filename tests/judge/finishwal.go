// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// finishWAL leaves a directory as a crash can leave it.
func finishWAL(kind string, builder *walBuilder) error {
	switch kind {
	case "":
		return nil
	case "torn-append":
		return tornAppend(builder)
	case "seal-not-recorded":
		return sealNotRecorded(builder)
	case "tail-file-missing":
		return withEmptyTail(builder, os.Remove)
	case "tail-file-empty":
		return withEmptyTail(builder, func(tail string) error { return os.Truncate(tail, 0) })
	case "tail-header-torn":
		return withEmptyTail(builder, func(tail string) error { return overwrite(tail, make([]byte, 32)) })
	case "stray-segment":
		return straySegment(builder)
	case "all-truncated-unfinished":
		return unfinishedTruncation(builder, builder.entries.index-1, 0)
	case "tail-truncated-unfinished":
		return unfinishedTruncation(builder, 0, 350)
	case "other-segment-size":
		builder.segment /= 4
		return builder.append(300)
	case "newer-segment":
		return copyNewest(builder, fmt.Sprintf("%020d-%016x.wal", 9000, 9000))
	case "segment-name":
		return copyNewest(builder, "old.wal")
	}
	return fmt.Errorf("unknown finish %q", kind)
}

// tornAppend leaves the first half of what one more append wrote.
func tornAppend(builder *walBuilder) error {
	tail, err := newestSegment(builder.directory)
	if err != nil {
		return err
	}
	before, err := os.ReadFile(tail)
	if err != nil {
		return err
	}
	builder.entries.spec.Size = "300"
	if err := builder.append(5); err != nil {
		return err
	}
	after, err := os.ReadFile(tail)
	if err != nil {
		return err
	}
	if len(after) != len(before) {
		return fmt.Errorf("%s changed its size", tail)
	}
	first, last := -1, 0
	for i := range after {
		if after[i] != before[i] {
			last = i
			if first < 0 {
				first = i
			}
		}
	}
	torn := append(after[:(first+last)/2:(first+last)/2], before[(first+last)/2:]...)
	return overwrite(tail, torn)
}

// sealNotRecorded leaves a full, sealed segment that the metadata calls the unsealed tail: a server that was stopped
// just after the append that filled it.
func sealNotRecorded(builder *walBuilder) error {
	meta := filepath.Join(builder.directory, "wal-meta.db")
	recorded, err := os.ReadFile(meta)
	if err != nil {
		return err
	}
	builder.batch = 1000
	return withEmptyTail(builder, func(tail string) error {
		if err := os.Remove(tail); err != nil {
			return err
		}
		return os.WriteFile(meta, recorded, 0o644)
	})
}

// straySegment leaves a segment whose entries were all truncated: raft-wal removes files after it has changed the metadata.
func straySegment(builder *walBuilder) error {
	oldest := filepath.Join(builder.directory, fmt.Sprintf("%020d-%016x.wal", 1, 0))
	content, err := os.ReadFile(oldest)
	if err != nil {
		return err
	}
	if err := builder.truncate(290, 0); err != nil {
		return err
	}
	if _, err := os.Stat(oldest); err == nil {
		return fmt.Errorf("%s was not removed", oldest)
	}
	return os.WriteFile(oldest, content, 0o644)
}

// unfinishedTruncation leaves what a server leaves that is killed while it truncates: the metadata are changed, the new
// tail has no file yet, and all segments are still there.
func unfinishedTruncation(builder *walBuilder, dropHead, dropTail uint64) error {
	before := map[string][]byte{}
	names, err := filepath.Glob(filepath.Join(builder.directory, "*.wal"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if before[name], err = os.ReadFile(name); err != nil {
			return err
		}
	}
	if err := builder.truncate(dropHead, dropTail); err != nil {
		return err
	}
	removed, added := 0, 0
	for name, content := range before {
		if _, err := os.Stat(name); err == nil {
			continue
		}
		removed++
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return err
		}
	}
	if names, err = filepath.Glob(filepath.Join(builder.directory, "*.wal")); err != nil {
		return err
	}
	for _, name := range names {
		if _, found := before[name]; found {
			continue
		}
		added++
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	if removed < 2 || added != 1 {
		return fmt.Errorf("the truncation removed %d segments and added %d", removed, added)
	}
	return nil
}

func copyNewest(builder *walBuilder, name string) error {
	newest, err := newestSegment(builder.directory)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(newest)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(builder.directory, name), content, 0o644)
}

// withEmptyTail fills the tail in one append, so that it is sealed and a new tail without entries follows it.
func withEmptyTail(builder *walBuilder, work func(tail string) error) error {
	full, err := newestSegment(builder.directory)
	if err != nil {
		return err
	}
	builder.batch = 1000
	builder.entries.spec.Size = "200"
	if err := builder.append(400); err != nil {
		return err
	}
	tail, err := newestSegment(builder.directory)
	if err != nil {
		return err
	}
	if tail == full {
		return fmt.Errorf("%s was not sealed", full)
	}
	return work(tail)
}

func newestSegment(directory string) (string, error) {
	names, err := filepath.Glob(filepath.Join(directory, "*.wal"))
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", fmt.Errorf("%s has no segment", directory)
	}
	return names[len(names)-1], nil // sorted, and the base index comes first in the name
}

func overwrite(path string, start []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Write(start)
	return err
}
