// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// The members of a snapshot archive, in order. SHA256SUMS has a line "hex  name" for each of the first two.
const (
	metaName  = "meta.json"
	stateName = "state.bin"
	sumsName  = "SHA256SUMS"
)

// writeArchive packs a Raft snapshot the way Nomad does: a gzip-compressed tar of three members, mode 0600.
func writeArchive(target io.Writer, meta *raft.SnapshotMeta, content io.Reader) error {
	compressed := gzip.NewWriter(target)
	members := tar.NewWriter(compressed)
	metaText, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	stateSum := sha256.New()
	now := time.Now()
	put := func(name string, size int64, data io.Reader) error {
		if err := members.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: now}); err != nil {
			return err
		}
		_, err := io.Copy(members, data)
		return err
	}
	if err := put(metaName, int64(len(metaText)), bytes.NewReader(metaText)); err != nil {
		return err
	}
	if err := put(stateName, meta.Size, io.TeeReader(content, stateSum)); err != nil {
		return err
	}
	sums := fmt.Sprintf("%x  %s\n%x  %s\n", sha256.Sum256(metaText), metaName, stateSum.Sum(nil), stateName)
	if err := put(sumsName, int64(len(sums)), strings.NewReader(sums)); err != nil {
		return err
	}
	return errors.Join(members.Close(), compressed.Close())
}

// readArchive unpacks an archive into memory and refuses it unless every sum is right.
func readArchive(source io.Reader) (*raft.SnapshotMeta, io.Reader, error) {
	compressed, err := gzip.NewReader(source)
	if err != nil {
		return nil, nil, fmt.Errorf("failed to decompress snapshot: %w", err)
	}
	found := map[string][]byte{}
	for members := tar.NewReader(compressed); ; {
		header, err := members.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("failed reading snapshot: %w", err)
		}
		if found[header.Name], err = io.ReadAll(members); err != nil {
			return nil, nil, err
		}
	}
	for lines := bufio.NewScanner(bytes.NewReader(found[sumsName])); lines.Scan(); {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		if actual := sha256.Sum256(found[name]); hex.EncodeToString(actual[:]) != sum {
			return nil, nil, fmt.Errorf("hash check failed for %q", name)
		}
	}
	meta := new(raft.SnapshotMeta)
	if len(found) != 3 || json.Unmarshal(found[metaName], meta) != nil {
		return nil, nil, errors.New("snapshot archive is incomplete")
	}
	return meta, bytes.NewReader(found[stateName]), nil
}
