// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl"
)

// The part of an agent's configuration that the collection reads. A pointer tells an absent block from an empty one.
// What exists before a file is decoded into it exists in Nomad as well: quirks of the decoder depend on it.
type agentConfig struct {
	Region     string        `hcl:"region" json:"region"`
	DataDir    string        `hcl:"data_dir" json:"data_dir"`
	BindAddr   string        `hcl:"bind_addr" json:"bind_addr"`
	LeaveOnInt bool          `hcl:"leave_on_interrupt" json:"leave_on_interrupt"`
	LeaveOnTrm bool          `hcl:"leave_on_terminate" json:"leave_on_terminate"`
	Ports      *portsConfig  `hcl:"ports" json:"ports"`
	Addresses  *addresses    `hcl:"addresses" json:"addresses"`
	TLS        *tlsConfig    `hcl:"tls" json:"tls"`
	Server     *serverConfig `hcl:"server" json:"server"`
	OtherKeys  `hcl:",squash" json:"-"`
	UnusedKeys []string `hcl:",unusedKeys" json:"-"`
}

type portsConfig struct {
	HTTP int `hcl:"http" json:"http"`
}

type addresses struct {
	HTTP string `hcl:"http" json:"http"`
}

type tlsConfig struct {
	HTTP              bool `hcl:"http" json:"http"`
	VerifyHTTPSClient bool `hcl:"verify_https_client" json:"verify_https_client"`
}

type serverConfig struct {
	Enabled         bool            `hcl:"enabled" json:"enabled"`
	DataDir         string          `hcl:"data_dir" json:"data_dir"`
	LogStore        *logStoreConfig `hcl:"raft_logstore" json:"raft_logstore"`
	BoltDB          *boltConfig     `hcl:"raft_boltdb" json:"raft_boltdb"`
	OtherServerKeys `hcl:",squash" json:"-"`
	UnusedKeys      []string `hcl:",unusedKeys" json:"-"`
}

// Nomad does not ask for the unused keys of these blocks; this program does, to report what Nomad ignores.
type logStoreConfig struct {
	Backend         string              `hcl:"backend" json:"backend"`
	BoltDB          *boltConfig         `hcl:"boltdb" json:"boltdb"`
	WAL             *walConfig          `hcl:"wal" json:"wal"`
	DisableLogCache bool                `hcl:"disable_log_cache" json:"disable_log_cache"`
	Verification    *verificationConfig `hcl:"verification" json:"verification"`
	UnusedKeys      []string            `hcl:",unusedKeys" json:"-"`
}

type boltConfig struct {
	NoFreelistSync bool     `hcl:"no_freelist_sync" json:"no_freelist_sync"`
	UnusedKeys     []string `hcl:",unusedKeys" json:"-"`
}

type walConfig struct {
	SegmentSizeMB int      `hcl:"segment_size_mb" json:"segment_size_mb"`
	UnusedKeys    []string `hcl:",unusedKeys" json:"-"`
}

type verificationConfig struct {
	Enabled    bool     `hcl:"enabled" json:"enabled"`
	Interval   string   `hcl:"interval" json:"interval"`
	UnusedKeys []string `hcl:",unusedKeys" json:"-"`
}

// agentReport is what an agent with some -config arguments would do.
type agentReport struct {
	Files      []string     `json:"files"`
	Config     *agentConfig `json:"config,omitempty"`
	Error      string       `json:"error,omitempty"`      // the file that cannot be read, parsed or decoded, and why
	Unexpected []string     `json:"unexpected,omitempty"` // what Nomad calls "unexpected keys" and refuses
	Ignored    []string     `json:"ignored,omitempty"`    // keys inside the two blocks that Nomad ignores
	StartError string       `json:"start_error,omitempty"`
	Store      logStore     `json:"store"`
}

// loadAgent reads the files in Nomad's order and merges them by Nomad's rules.
func loadAgent(paths []string) agentReport {
	report := agentReport{Files: []string{}, Config: &agentConfig{Server: &serverConfig{}}}
	for _, path := range paths {
		files, err := agentFiles(path)
		if err != nil {
			return agentReport{Error: err.Error()}
		}
		for _, file := range files {
			if err := report.add(file); err != nil {
				return agentReport{Error: file + ": " + err.Error()}
			}
		}
	}
	report.StartError = startError(report.Config.Server)
	report.Store = effectiveStore(report.Config.Server)
	return report
}

// add decodes one more file and lays it over what is there. A panic of the decoder is Nomad's as well.
func (r *agentReport) add(file string) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	config := &agentConfig{Server: &serverConfig{}}
	if err := hcl.Decode(config, string(text)); err != nil {
		return err
	}
	r.Files = append(r.Files, file)
	for _, key := range unexpected(config) {
		r.Unexpected = append(r.Unexpected, file+": "+key)
	}
	r.Ignored = append(r.Ignored, ignored(config.Server)...)
	r.Config.merge(config)
	return nil
}

// agentFiles lists what -config PATH loads: the path itself, or of a directory the *.hcl and *.json in byte order.
func agentFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{filepath.Clean(path)}, nil
	}
	entries, err := os.ReadDir(path)
	var files []string
	for _, entry := range entries {
		name := entry.Name()
		ofEditor := strings.HasSuffix(name, "~") || strings.HasPrefix(name, ".#") ||
			strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#")
		if slices.Contains([]string{".hcl", ".json"}, filepath.Ext(name)) && !ofEditor && !entry.IsDir() {
			files = append(files, filepath.Join(path, name))
		}
	}
	slices.Sort(files)
	return files, err
}

// agentsCommand answers one line of JSON per line of JSON: the -config arguments of an agent, what it would do.
func agentsCommand(args []string) (any, error) {
	if _, err := parse(newFlags("agents"), args, 0); err != nil {
		return nil, err
	}
	return nil, answerLines(os.Stdin, os.Stdout, func(paths []string) any { return loadAgent(paths) })
}
