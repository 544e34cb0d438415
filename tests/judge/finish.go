// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"go.etcd.io/bbolt"
)

const (
	metaOffset      = 16 // after the page header
	metaHighWater   = metaOffset + 40
	metaTransaction = metaOffset + 48
	metaChecksum    = metaOffset + 56
)

// finish does to a closed file what bbolt does not offer, but a crash, a copy or another version can leave.
func finish(kind, path string) error {
	if kind == "" {
		return nil
	}
	pageSize, err := pageSizeOf(path)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	pages := make([]byte, 2*pageSize)
	if _, err := file.ReadAt(pages, 0); err != nil {
		return err
	}
	newest := 0
	if transaction(pages) < transaction(pages[pageSize:]) {
		newest = 1
	}
	used := int64(binary.LittleEndian.Uint64(pages[newest*pageSize+metaHighWater:])) * int64(pageSize)
	switch kind {
	case "exact-size":
		return file.Truncate(used)
	case "half-a-file":
		return file.Truncate(used / 2)
	case "longer-file":
		return file.Truncate(used + 3*mebibyte + 1)
	case "garbage":
		_, err := file.WriteAt(bytes.Repeat([]byte{0xa5}, mebibyte+5), used)
		return err
	case "newest-meta-torn":
		return tear(file, newest*pageSize)
	case "meta-0-torn":
		return tear(file, 0)
	case "meta-1-torn":
		return tear(file, pageSize)
	case "both-metas-torn":
		if err := tear(file, 0); err != nil {
			return err
		}
		return tear(file, pageSize)
	}
	return fmt.Errorf("unknown finish %q", kind)
}

func transaction(page []byte) uint64 {
	return binary.LittleEndian.Uint64(page[metaTransaction:])
}

// tear leaves the meta page at offset as a write that stopped before the checksum.
func tear(file *os.File, offset int) error {
	_, err := file.WriteAt(make([]byte, 8), int64(offset+metaChecksum))
	return err
}

func pageSizeOf(path string) (size int, err error) {
	err = viewBolt(path, func(tx *bbolt.Tx) error {
		size = tx.DB().Info().PageSize
		return nil
	})
	return size, err
}
