// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Config is what an agent's configuration files say: the part of Nomad's agent configuration that the lab server obeys.
// Field names are the ones Nomad shows in /v1/agent/self, hcl tags are the keys in the files.
type Config struct {
	Region      string `hcl:"region"`
	Datacenter  string `hcl:"datacenter"`
	NodeName    string `hcl:"name"`
	DataDir     string `hcl:"data_dir"`
	PluginDir   string `hcl:"plugin_dir"`
	LogLevel    string `hcl:"log_level"`
	BindAddr    string `hcl:"bind_addr"`
	LeaveOnInt  bool   `hcl:"leave_on_interrupt"`
	LeaveOnTerm bool   `hcl:"leave_on_terminate"`

	Ports     *Ports           `hcl:"ports"`
	Addresses *Addresses       `hcl:"addresses"`
	Advertise *Addresses       `hcl:"advertise"`
	Client    *Client          `hcl:"client"`
	Server    *Server          `hcl:"server"`
	ACL       *ACL             `hcl:"acl"`
	TLS       *TLS             `hcl:"tls"`
	Autopilot *AutopilotConfig `hcl:"autopilot"`

	// Files are the files that were loaded, in merge order; ConfigPaths the -config arguments.
	Files       []string `hcl:"-"`
	ConfigPaths []string `hcl:"-"`

	UnusedKeys []string `hcl:",unusedKeys"`
}

type Ports struct {
	HTTP int `hcl:"http"`
	RPC  int `hcl:"rpc"`
	Serf int `hcl:"serf"`
}

type Addresses struct {
	HTTP string `hcl:"http"`
	RPC  string `hcl:"rpc"`
	Serf string `hcl:"serf"`
}

type Client struct {
	Enabled    bool     `hcl:"enabled"`
	UnusedKeys []string `hcl:",unusedKeys"`
}

type ACL struct {
	Enabled bool `hcl:"enabled"`
}

type TLS struct {
	EnableHTTP        bool   `hcl:"http"`
	CAFile            string `hcl:"ca_file"`
	CertFile          string `hcl:"cert_file"`
	KeyFile           string `hcl:"key_file"`
	VerifyHTTPSClient bool   `hcl:"verify_https_client"`
}

type Server struct {
	Enabled               bool            `hcl:"enabled"`
	DataDir               string          `hcl:"data_dir"`
	BootstrapExpect       int             `hcl:"bootstrap_expect"`
	RaftMultiplier        int             `hcl:"raft_multiplier"`
	RaftTrailingLogs      int             `hcl:"raft_trailing_logs"`
	RaftSnapshotThreshold int             `hcl:"raft_snapshot_threshold"`
	RaftSnapshotInterval  string          `hcl:"raft_snapshot_interval"`
	RejoinAfterLeave      bool            `hcl:"rejoin_after_leave"`
	StartJoin             []string        `hcl:"start_join"`
	RetryJoin             []string        `hcl:"retry_join"`
	RetryInterval         string          `hcl:"retry_interval"`
	ServerJoin            *ServerJoin     `hcl:"server_join"`
	RaftLogStoreConfig    *LogStoreConfig `hcl:"raft_logstore" merge:"replace"`
	RaftBoltConfig        *BoltConfig     `hcl:"raft_boltdb" merge:"replace"`
	UnusedKeys            []string        `hcl:",unusedKeys"`
}

type ServerJoin struct {
	StartJoin     []string `hcl:"start_join"`
	RetryJoin     []string `hcl:"retry_join"`
	RetryMax      int      `hcl:"retry_max"`
	RetryInterval string   `hcl:"retry_interval"`
}

// LogStoreConfig is the raft_logstore block. Nomad ignores keys it does not know in here, and so do we.
type LogStoreConfig struct {
	Backend         string              `hcl:"backend"`
	BoltDB          *BoltConfig         `hcl:"boltdb"`
	DisableLogCache bool                `hcl:"disable_log_cache"`
	Verification    *VerificationConfig `hcl:"verification"`
	WAL             *WALConfig          `hcl:"wal"`
}

type BoltConfig struct {
	NoFreelistSync bool `hcl:"no_freelist_sync"`
}

type VerificationConfig struct {
	Enabled  bool   `hcl:"enabled"`
	Interval string `hcl:"interval"`
}

type WALConfig struct {
	SegmentSizeMB int `hcl:"segment_size_mb"`
}

type AutopilotConfig struct {
	CleanupDeadServers      *bool  `hcl:"cleanup_dead_servers"`
	LastContactThreshold    string `hcl:"last_contact_threshold"`
	MaxTrailingLogs         int    `hcl:"max_trailing_logs"`
	MinQuorum               int    `hcl:"min_quorum"`
	ServerStabilizationTime string `hcl:"server_stabilization_time"`
}

func defaultConfig() *Config {
	return &Config{
		Region:     "global",
		Datacenter: "dc1",
		LogLevel:   "INFO",
		BindAddr:   "0.0.0.0",
		Ports:      &Ports{HTTP: 4646, RPC: 4647, Serf: 4648},
		Addresses:  &Addresses{},
		Advertise:  &Addresses{},
		Client:     &Client{},
		Server:     &Server{ServerJoin: &ServerJoin{}},
		ACL:        &ACL{},
		TLS:        &TLS{},
		Autopilot:  &AutopilotConfig{},
	}
}

// fillAddresses puts a value into every listen and advertise address that the files left open.
func (c *Config) fillAddresses() {
	for _, one := range []struct {
		listen, advertise *string
		port              int
	}{
		{&c.Addresses.HTTP, &c.Advertise.HTTP, c.Ports.HTTP},
		{&c.Addresses.RPC, &c.Advertise.RPC, c.Ports.RPC},
		{&c.Addresses.Serf, &c.Advertise.Serf, c.Ports.Serf},
	} {
		if *one.listen == "" {
			*one.listen = c.BindAddr
		}
		if *one.advertise == "" {
			*one.advertise = *one.listen
		}
		if _, _, err := net.SplitHostPort(*one.advertise); err != nil {
			*one.advertise = net.JoinHostPort(*one.advertise, strconv.Itoa(one.port))
		}
	}
}

// serverDir is where the server keeps its state: Nomad adds "server" to data_dir, but not to server.data_dir.
func (c *Config) serverDir() string {
	if c.Server.DataDir != "" {
		return c.Server.DataDir
	}
	return c.DataDir + "/server"
}

func (c *Config) memberName() string {
	return c.NodeName + "." + c.Region
}

// refusal is the sentence with which Nomad turns down a merged configuration before anything starts; "" when it is
// fine.
func (c *Config) refusal() string {
	if !c.Server.Enabled && !c.Client.Enabled {
		return "Must specify either server, client or dev mode for the agent."
	}
	for name, directory := range map[string]string{"data-dir": c.DataDir, "plugin-dir": c.PluginDir} {
		if directory != "" && !strings.HasPrefix(directory, "/") {
			return fmt.Sprintf("%s must be given as an absolute path: got %s", name, directory)
		}
	}
	if c.DataDir == "" {
		return `Must specify "data_dir" config option or "data-dir" CLI flag`
	}
	if c.Server.Enabled && c.Server.BootstrapExpect < 0 {
		return "Bootstrap expect must be greater or equal to 1"
	}
	return ""
}

// serverError is what Nomad finds wrong only when the server is set up, after "config validate" was content.
func (c *Config) serverError() error {
	if c.Server.RaftLogStoreConfig == nil {
		return nil
	}
	if c.Server.RaftBoltConfig != nil {
		return fmt.Errorf("cannot specify both deprecated 'raft_boltdb' and 'raft_logstore' blocks; use 'raft_logstore' only")
	}
	if v := c.Server.RaftLogStoreConfig.Verification; v != nil && v.Interval != "" {
		if _, err := time.ParseDuration(v.Interval); err != nil {
			return fmt.Errorf("failed to parse raft_logstore verification interval %q: %w", v.Interval, err)
		}
	}
	return nil
}

// logStore is the effective choice of store: backend, freelist setting and WAL segment size in bytes.
func (c *Config) logStore() (backend string, noFreelistSync bool, segmentSize int) {
	const defaultSegmentMB = 64
	backend, segmentSize = "boltdb", defaultSegmentMB<<20
	if c.Server.RaftBoltConfig != nil {
		noFreelistSync = c.Server.RaftBoltConfig.NoFreelistSync
	}
	block := c.Server.RaftLogStoreConfig
	if block == nil {
		return backend, noFreelistSync, segmentSize
	}
	if block.Backend != "" {
		backend = block.Backend
	}
	if block.BoltDB != nil {
		noFreelistSync = block.BoltDB.NoFreelistSync
	}
	if block.WAL != nil && block.WAL.SegmentSizeMB > 0 {
		segmentSize = block.WAL.SegmentSizeMB << 20
	}
	return backend, noFreelistSync, segmentSize
}

// duration parses text, or gives the default when it is empty or wrong.
func duration(text string, fallback time.Duration) time.Duration {
	if parsed, err := time.ParseDuration(text); err == nil {
		return parsed
	}
	return fallback
}
