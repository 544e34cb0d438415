// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// snapshotCall saves (GET) or restores (PUT, POST) the cluster's state as one archive.
func snapshotCall(c *call) (any, error) {
	if c.Method == http.MethodGet {
		if err := c.permit(secretOf(c.Request), snapshotSave); err != nil {
			return nil, err
		}
		return nil, c.saveSnapshot()
	}
	if err := c.permit(secretOf(c.Request), management); err != nil {
		return nil, err
	}
	return nil, c.restoreSnapshot()
}

// saveSnapshot makes a real Raft snapshot on this server, packs it into a temporary file and sends that. The digest
// of the whole body goes ahead in a header.
func (c *call) saveSnapshot() error {
	future := c.raft.Snapshot()
	if err := future.Error(); err != nil {
		return err
	}
	meta, content, err := future.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	archive, err := os.CreateTemp("", "snapshot")
	if err != nil {
		return err
	}
	defer archive.Close()
	defer os.Remove(archive.Name())
	digest := sha256.New()
	if err := writeArchive(io.MultiWriter(archive, digest), meta, content); err != nil {
		return err
	}
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return err
	}
	c.Header().Set("Digest", "sha-256="+base64.StdEncoding.EncodeToString(digest.Sum(nil)))
	c.WriteHeader(http.StatusOK)
	_, err = io.Copy(c.ResponseWriter, archive)
	return err
}

// restoreSnapshot gives the whole cluster the state of an archive. Raft burns an index for it and leaves a hole in
// every BoltDB log.
func (c *call) restoreSnapshot() error {
	meta, content, err := readArchive(c.Body)
	if err != nil {
		return fmt.Errorf("failed to restore from snapshot: %w", err)
	}
	if err := c.raft.Restore(meta, content, time.Minute); err != nil {
		return err
	}
	return c.raft.Barrier(time.Minute).Error()
}
