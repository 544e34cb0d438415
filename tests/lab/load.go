// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/hashicorp/hcl"
)

// Keys of Nomad's agent configuration that the lab server accepts and does not use.
var ignoredKeys = strings.Fields(`rpc telemetry ui vault consul limits audit sentinel plugin reporting keyring eventlog
	enable_debug enable_syslog syslog_facility log_json log_file log_include_location log_rotate_duration log_rotate_bytes
	log_rotate_max_files disable_update_check disable_anonymous_signature http_api_response_headers`)

var ignoredServerKeys = strings.Fields(`authoritative_region client_introduction protocol_version raft_protocol
	num_schedulers enabled_schedulers node_gc_threshold job_gc_interval job_gc_threshold eval_gc_threshold batch_eval_gc_threshold
	deployment_gc_threshold csi_volume_claim_gc_interval csi_volume_claim_gc_threshold csi_plugin_gc_threshold
	acl_token_gc_threshold root_key_gc_interval root_key_gc_threshold root_key_rotation_threshold heartbeat_grace
	min_heartbeat_ttl max_heartbeats_per_second failover_heartbeat_ttl retry_max non_voting_server redundancy_zone
	upgrade_version encrypt default_scheduler_config plan_rejection_tracker plan_apply_pipeline enable_event_broker
	event_buffer_size license_path search deploy_query_rate_limit job_default_priority job_max_priority job_max_count
	job_max_source_size job_tracked_versions oidc_issuer start_timeout log_file non_production`)

// loadConfig reads the -config arguments in order, each a file or a directory of *.hcl and *.json files, and merges
// what they say over the defaults.
func loadConfig(paths []string) (*Config, error) {
	config := defaultConfig()
	for _, path := range paths {
		files, err := configFiles(path)
		if err != nil {
			return nil, fmt.Errorf("Error loading configuration from %s: %w", path, err)
		}
		for _, file := range files {
			one, err := parseConfigFile(file)
			if err != nil {
				return nil, fmt.Errorf("Error loading configuration from %s: Error loading %s: %w", path, file, err)
			}
			mergeInto(reflect.ValueOf(config).Elem(), reflect.ValueOf(one).Elem())
			config.Files = append(config.Files, file)
		}
		config.ConfigPaths = append(config.ConfigPaths, path)
	}
	if config.NodeName == "" {
		config.NodeName, _ = os.Hostname()
	}
	if config.PluginDir == "" && config.DataDir != "" {
		config.PluginDir = filepath.Join(config.DataDir, "plugins")
	}
	config.fillAddresses()
	return config, nil
}

func configFiles(path string) ([]string, error) {
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
		isEditorFile := strings.HasPrefix(name, ".#") || strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#")
		isConfig := strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".json")
		if isConfig && !isEditorFile && !entry.IsDir() {
			files = append(files, filepath.Join(path, name))
		}
	}
	sort.Strings(files)
	return files, err
}

func parseConfigFile(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	// What exists beforehand is decoded in place, as in Nomad: its quirks with JSON depend on it.
	server := &Server{ServerJoin: &ServerJoin{}}
	config := &Config{Client: &Client{}, Server: server, ACL: &ACL{}, Autopilot: &AutopilotConfig{}}
	if err := hcl.Decode(config, string(text)); err != nil {
		return nil, fmt.Errorf("failed to decode HCL file %s: %w", path, err)
	}
	return config, unexpectedKeys(config)
}

// unexpectedKeys refuses keys that Nomad does not know. HCL 1 leaves a trace of nested JSON objects and of repeated
// blocks at the top level; Nomad removes the harmless ones, four for "server", and takes the rest for unknown keys.
func unexpectedKeys(config *Config) error {
	for _, key := range []string{"enabled_schedulers", "start_join", "retry_join", "server_join"} {
		removeFirst(&config.UnusedKeys, key)
		removeFirst(&config.UnusedKeys, "server")
	}
	for _, key := range []string{"options", "meta", "chroot_env", "servers", "server_join", "template"} {
		removeFirst(&config.UnusedKeys, key)
		removeFirst(&config.UnusedKeys, "client")
	}
	config.UnusedKeys = without(config.UnusedKeys, ignoredKeys)
	config.Server.UnusedKeys = without(config.Server.UnusedKeys, ignoredServerKeys)
	config.Client.UnusedKeys = nil
	if !hasLogStoreChoice() && config.Server.RaftLogStoreConfig != nil {
		config.Server.UnusedKeys = append(config.Server.UnusedKeys, "raft_logstore")
	}
	if len(config.UnusedKeys) > 0 {
		return errors.New("unexpected keys " + strings.Join(config.UnusedKeys, ", "))
	}
	if len(config.Server.UnusedKeys) > 0 {
		return errors.New("server unexpected keys " + strings.Join(config.Server.UnusedKeys, ", "))
	}
	return nil
}

func removeFirst(keys *[]string, unwanted string) {
	at := slices.IndexFunc(*keys, func(key string) bool { return strings.EqualFold(key, unwanted) })
	if at >= 0 {
		*keys = slices.Delete(*keys, at, at+1)
	}
}

func without(keys, unwanted []string) []string {
	return slices.DeleteFunc(keys, func(key string) bool { return slices.Contains(unwanted, strings.ToLower(key)) })
}

// mergeInto puts a later file over an earlier one. A zero value never overrides, lists are appended, blocks are
// merged key by key; a block marked merge:"replace" is taken whole, as Nomad does with raft_logstore.
func mergeInto(target, source reflect.Value) {
	for i := range target.NumField() {
		to, from := target.Field(i), source.Field(i)
		isBlock := to.Kind() == reflect.Pointer && to.Type().Elem().Kind() == reflect.Struct
		switch {
		case from.IsZero():
		case to.Kind() == reflect.Slice:
			to.Set(reflect.AppendSlice(to, from))
		case isBlock && !to.IsNil() && target.Type().Field(i).Tag.Get("merge") != "replace":
			mergeInto(to.Elem(), from.Elem())
		default:
			to.Set(from)
		}
	}
}
