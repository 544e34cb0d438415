// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/hcl"
)

// The part of an agent's configuration that decides the log store. A pointer tells an absent block from an empty one.
type agentConfig struct {
	Server     *serverConfig `hcl:"server" json:"server"`
	UnusedKeys []string      `hcl:",unusedKeys" json:"unused_keys"`
}

type serverConfig struct {
	LogStore   *logStoreConfig `hcl:"raft_logstore" json:"raft_logstore"`
	BoltDB     *boltConfig     `hcl:"raft_boltdb" json:"raft_boltdb"`
	UnusedKeys []string        `hcl:",unusedKeys" json:"unused_keys"`
}

type logStoreConfig struct {
	Backend         string              `hcl:"backend" json:"backend"`
	BoltDB          *boltConfig         `hcl:"boltdb" json:"boltdb"`
	WAL             *walConfig          `hcl:"wal" json:"wal"`
	DisableLogCache bool                `hcl:"disable_log_cache" json:"disable_log_cache"`
	Verification    *verificationConfig `hcl:"verification" json:"verification"`
}

type boltConfig struct {
	NoFreelistSync bool `hcl:"no_freelist_sync" json:"no_freelist_sync"`
}

type walConfig struct {
	SegmentSizeMB int `hcl:"segment_size_mb" json:"segment_size_mb"`
}

type verificationConfig struct {
	Enabled  bool   `hcl:"enabled" json:"enabled"`
	Interval string `hcl:"interval" json:"interval"`
}

// hclCommand decodes one file of an agent's configuration with the parser that Nomad pins. It returns the two blocks
// as this file sets them, and the keys at the top and in the server block that this program does not model. It fails
// where Nomad refuses the file because one of the two blocks is in a wrong place or is repeated.
func hclCommand(args []string) (any, error) {
	paths, err := parse(newFlags("hcl"), args, 1)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(paths[0])
	if err != nil {
		return nil, err
	}
	config := agentConfig{Server: &serverConfig{}}
	if err := hcl.Decode(&config, string(text)); err != nil {
		return nil, err
	}
	for _, key := range append(config.UnusedKeys, config.Server.UnusedKeys...) {
		if strings.EqualFold(key, "raft_logstore") || strings.EqualFold(key, "raft_boltdb") {
			return nil, fmt.Errorf("unexpected key %s", key)
		}
	}
	return config, nil
}
