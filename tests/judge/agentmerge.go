// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// merge lays a later file over the earlier ones. A zero value never overrides; the two blocks of the log store are
// replaced as a whole, all others key by key.
func (c *agentConfig) merge(later *agentConfig) {
	override(&c.Region, later.Region)
	override(&c.DataDir, later.DataDir)
	override(&c.BindAddr, later.BindAddr)
	override(&c.LeaveOnInt, later.LeaveOnInt)
	override(&c.LeaveOnTrm, later.LeaveOnTrm)
	if later.Ports != nil {
		c.Ports = orNew(c.Ports)
		override(&c.Ports.HTTP, later.Ports.HTTP)
	}
	if later.Addresses != nil {
		c.Addresses = orNew(c.Addresses)
		override(&c.Addresses.HTTP, later.Addresses.HTTP)
	}
	if later.TLS != nil {
		c.TLS = orNew(c.TLS)
		override(&c.TLS.HTTP, later.TLS.HTTP)
		override(&c.TLS.VerifyHTTPSClient, later.TLS.VerifyHTTPSClient)
	}
	override(&c.Server.Enabled, later.Server.Enabled)
	override(&c.Server.DataDir, later.Server.DataDir)
	override(&c.Server.LogStore, later.Server.LogStore)
	override(&c.Server.BoltDB, later.Server.BoltDB)
}

func override[T comparable](value *T, later T) {
	var zero T
	if later != zero {
		*value = later
	}
}

func orNew[T any](value *T) *T {
	if value == nil {
		return new(T)
	}
	return value
}

// unexpected lists the keys for which Nomad refuses a file, in its words. HCL leaves at the top the names of nested JSON
// objects and of repeated blocks; Nomad takes some away before it looks, "server" four times.
func unexpected(config *agentConfig) []string {
	top, server := config.UnusedKeys, config.Server.UnusedKeys
	for _, key := range []string{"options", "meta", "chroot_env", "servers", "server_join", "template"} {
		top = withoutFirst(withoutFirst(top, key), "client")
	}
	for _, key := range []string{"enabled_schedulers", "start_join", "retry_join", "server_join"} {
		top = withoutFirst(withoutFirst(top, key), "server")
	}
	byHand := []string{"vault", "consul", "keyring", "license"} // as often as they come
	top = slices.DeleteFunc(slices.Clone(top), func(key string) bool { return slices.Contains(byHand, key) })
	server = withoutFirst(server, "preemption_config")
	var found []string
	for _, key := range top {
		found = append(found, "unexpected keys "+key)
	}
	for _, key := range server {
		found = append(found, "server unexpected keys "+key)
	}
	return found
}

func withoutFirst(keys []string, unwanted string) []string {
	at := slices.IndexFunc(keys, func(key string) bool { return strings.EqualFold(key, unwanted) })
	if at < 0 {
		return keys
	}
	return slices.Delete(slices.Clone(keys), at, at+1)
}

// ignored lists the keys inside the blocks of the log store that Nomad does not know and does not mention.
func ignored(server *serverConfig) []string {
	known := []string{"backend", "boltdb", "wal", "disable_log_cache", "verification", "no_freelist_sync", "segment_size_mb",
		"enabled", "interval"}
	var keys []string
	add := func(bolt *boltConfig) {
		if bolt != nil {
			keys = append(keys, bolt.UnusedKeys...)
		}
	}
	add(server.BoltDB)
	if store := server.LogStore; store != nil {
		keys = append(keys, store.UnusedKeys...)
		add(store.BoltDB)
		if store.WAL != nil {
			keys = append(keys, store.WAL.UnusedKeys...)
		}
		if store.Verification != nil {
			keys = append(keys, store.Verification.UnusedKeys...)
		}
	}
	return slices.DeleteFunc(keys, func(key string) bool { return slices.Contains(known, strings.ToLower(key)) })
}

// logStore is the store on which a server runs.
type logStore struct {
	Backend        string `json:"backend"`
	NoFreelistSync bool   `json:"no_freelist_sync"`
	SegmentSizeMB  int    `json:"segment_size_mb"`
}

const (
	defaultBackend       = "boltdb"
	defaultSegmentSizeMB = 64
)

func effectiveStore(server *serverConfig) logStore {
	store := logStore{Backend: defaultBackend, SegmentSizeMB: defaultSegmentSizeMB}
	if server.BoltDB != nil {
		store.NoFreelistSync = server.BoltDB.NoFreelistSync
	}
	block := server.LogStore
	if block == nil {
		return store
	}
	override(&store.Backend, block.Backend)
	store.NoFreelistSync = block.BoltDB != nil && block.BoltDB.NoFreelistSync
	if block.WAL != nil && block.WAL.SegmentSizeMB > 0 {
		store.SegmentSizeMB = block.WAL.SegmentSizeMB
	}
	return store
}

// startError is why a server refuses to start on its log store although its files are fine; "" when it starts.
func startError(server *serverConfig) string {
	block := server.LogStore
	if block == nil {
		return ""
	}
	if server.BoltDB != nil {
		return "cannot specify both deprecated 'raft_boltdb' and 'raft_logstore' blocks; use 'raft_logstore' only"
	}
	if block.Verification != nil && block.Verification.Interval != "" {
		if _, err := time.ParseDuration(block.Verification.Interval); err != nil {
			return fmt.Sprintf("failed to parse raft_logstore verification interval %q", block.Verification.Interval)
		}
	}
	if !slices.Contains([]string{"", defaultBackend, "wal"}, block.Backend) {
		return fmt.Sprintf("unsupported raft log store backend: %q", block.Backend)
	}
	return ""
}

// answerLines reads one JSON value a line and writes one a line, until the input ends.
func answerLines[Question any](in io.Reader, out io.Writer, answer func(Question) any) error {
	decoder, encoder := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var question Question
		if err := decoder.Decode(&question); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := encoder.Encode(answer(question)); err != nil {
			return err
		}
	}
}
