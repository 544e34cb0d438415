// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	boltdb "github.com/hashicorp/raft-boltdb/v2"
	wal "github.com/hashicorp/raft-wal"
	"go.etcd.io/bbolt"
)

// logStore is what both of HashiCorp's Raft stores are.
type logStore interface {
	raft.LogStore
	raft.StableStore
	Close() error
}

const peersInfo = `This file shows that peers.json, if it appears beside it, is meant: it is read at the next start,
replaces the Raft configuration in the log, and is deleted. Without this file a peers.json is deleted unread.
`

// prepareRaftDir makes the Raft directory and its version file, which exist even when the store is then refused.
func prepareRaftDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "version"), []byte("3"), 0o644); err != nil {
		return fmt.Errorf("failed to write Raft version file: %v", err)
	}
	return nil
}

// openLogStore opens the store that the configuration names, with Nomad's checks and Nomad's words. With "wal" a
// raft.db that stat finds is refused; with "boltdb" nothing looks for wal/, and an absent raft.db is created empty.
func openLogStore(config *Config, raftDir string, logger hclog.Logger) (logStore, error) {
	backend, noFreelistSync, segmentSize := config.logStore()
	switch backend {
	case "wal":
		return openWAL(config, raftDir, segmentSize, logger)
	case "boltdb":
		store, err := boltdb.New(boltdb.Options{
			Path:                    filepath.Join(raftDir, "raft.db"),
			BoltOptions:             &bbolt.Options{NoFreelistSync: noFreelistSync},
			MsgpackUseNewTimeFormat: true,
		})
		if err != nil {
			return nil, err
		}
		logger.Info("setting up raft bolt store", "no_freelist_sync", noFreelistSync)
		return store, nil
	}
	return nil, fmt.Errorf("unsupported raft log store backend: %q", backend)
}

func openWAL(config *Config, raftDir string, segmentSize int, logger hclog.Logger) (logStore, error) {
	oldStore := filepath.Join(raftDir, "raft.db")
	if _, err := os.Stat(oldStore); err == nil {
		return nil, fmt.Errorf("existing BoltDB raft store found at %s; run 'nomad operator raft migrate-backend %s' while "+
			"the server is stopped to migrate to the WAL backend, then start the server again", oldStore, config.serverDir())
	}
	dir := filepath.Join(raftDir, "wal")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("failed to create WAL directory: %v", err)
	}
	store, err := wal.Open(dir, wal.WithLogger(logger.Named("wal")), wal.WithSegmentSize(segmentSize),
		wal.WithMetricsCollector(walCollector()))
	if err != nil {
		return nil, fmt.Errorf("failed to open WAL log store: %v", err)
	}
	logger.Info("setting up raft WAL store", "dir", dir, "segment_size", segmentSize)
	return store, nil
}

// logVerifier imitates the one visible effect of the verification block: a line at the start.
func logVerifier(block *LogStoreConfig, logger hclog.Logger) {
	if block != nil && block.Verification != nil && block.Verification.Enabled {
		logger.Info("starting raft logstore verifier", "interval", duration(block.Verification.Interval, 5*time.Minute))
	}
}

// logFoundState says what a store held when it was opened. Nomad has no such line; tests read in it that a converted
// store kept its term and vote.
func logFoundState(store logStore, logger hclog.Logger) {
	first, _ := store.FirstIndex()
	last, _ := store.LastIndex()
	// Absent keys are an error in one store and zero in the other; here both read as zero.
	term, _ := store.GetUint64([]byte("CurrentTerm"))
	voteTerm, _ := store.GetUint64([]byte("LastVoteTerm"))
	candidate, _ := store.Get([]byte("LastVoteCand"))
	logger.Info("lab found in the raft store", "first_index", first, "last_index", last, "current_term", term,
		"last_vote_term", voteTerm, "last_vote_candidate", string(candidate))
}

// recoverPeers obeys peers.json, Nomad's documented way to give a server another set of peers: the whole log goes
// into a new snapshot with the new configuration, term and vote stay.
func recoverPeers(raftDir string, logger hclog.Logger, recover func(raft.Configuration) error) error {
	peersFile, infoFile := filepath.Join(raftDir, "peers.json"), filepath.Join(raftDir, "peers.info")
	if _, err := os.Stat(infoFile); os.IsNotExist(err) {
		if err := os.WriteFile(infoFile, []byte(peersInfo), 0o644); err != nil {
			return fmt.Errorf("failed to write peers.info file: %v", err)
		}
		if err := os.Remove(peersFile); err == nil {
			logger.Info("deleted peers.json file (see peers.info for details)")
		}
		return nil
	}
	if _, err := os.Stat(peersFile); err != nil {
		return nil
	}
	logger.Info("found peers.json file, recovering Raft configuration...")
	configuration, err := raft.ReadConfigJSON(peersFile)
	if err != nil {
		return fmt.Errorf("recovery failed to parse peers.json: %v", err)
	}
	if err := recover(configuration); err != nil {
		return fmt.Errorf("recovery failed: %v", err)
	}
	logger.Info("deleted peers.json file after successful recovery")
	return os.Remove(peersFile)
}
