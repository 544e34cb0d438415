// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"runtime"
	"strconv"

	"github.com/hashicorp/raft"
	"github.com/hashicorp/serf/serf"
)

// The configuration that a plain Nomad 2.0.5 server shows of itself: every field, with its default.
//
//go:embed agent_self_config.json
var defaultSelfConfig []byte

// member is a gossip member as the API shows it.
type member struct {
	Name, Addr, Status                                                           string
	Port                                                                         uint16
	Tags                                                                         map[string]string
	ProtocolMin, ProtocolMax, ProtocolCur, DelegateMin, DelegateMax, DelegateCur uint8
}

func apiMember(m serf.Member) member {
	return member{m.Name, m.Addr.String(), m.Status.String(), m.Port, m.Tags,
		m.ProtocolMin, m.ProtocolMax, m.ProtocolCur, m.DelegateMin, m.DelegateMax, m.DelegateCur}
}

var uuidForm = regexp.MustCompile("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")

var errMalformedToken = errors.New("ACL token not found or invalid workload identity: failed to parse signed token: " +
	"go-jose/go-jose: compact JWS format must have three parts")

func agentSelf(c *call) (any, error) {
	if secret := secretOf(c.Request); c.config.ACL.Enabled && secret != "" && !uuidForm.MatchString(secret) {
		return nil, errMalformedToken
	}
	if err := c.permit(secretOf(c.Request), agentRead); err != nil {
		return nil, err
	}
	config, err := c.selfConfig()
	if err != nil {
		return nil, err
	}
	return map[string]any{"config": config, "member": apiMember(c.serf.LocalMember()), "stats": c.stats()}, nil
}

// selfConfig is the default configuration with what this server's files say laid over it.
func (s *server) selfConfig() (map[string]any, error) {
	shown := map[string]any{}
	defaults := json.NewDecoder(bytes.NewReader(defaultSelfConfig))
	defaults.UseNumber() // 80.0 stays 80.0
	if err := defaults.Decode(&shown); err != nil {
		return nil, err
	}
	block := func(name string) map[string]any { return shown[name].(map[string]any) }
	for _, one := range []struct {
		name  string
		value any
	}{
		{"Region", s.config.Region}, {"Datacenter", s.config.Datacenter}, {"NodeName", s.config.NodeName},
		{"DataDir", s.config.DataDir}, {"PluginDir", s.config.PluginDir}, {"LogLevel", s.config.LogLevel},
		{"BindAddr", s.config.BindAddr}, {"LeaveOnInt", s.config.LeaveOnInt}, {"LeaveOnTerm", s.config.LeaveOnTerm},
		{"Files", s.config.Files}, {"ConfigPaths", s.config.ConfigPaths}, {"Addresses", s.config.Addresses},
		{"AdvertiseAddrs", s.config.Advertise}, {"Ports", s.config.Ports},
	} {
		shown[one.name] = one.value
	}
	block("ACL")["Enabled"] = s.config.ACL.Enabled
	block("Version")["Version"] = version()
	tls := block("TLSConfig")
	tls["EnableHTTP"], tls["VerifyHTTPSClient"] = s.config.TLS.EnableHTTP, s.config.TLS.VerifyHTTPSClient
	tls["CAFile"], tls["CertFile"], tls["KeyFile"] = s.config.TLS.CAFile, s.config.TLS.CertFile, s.config.TLS.KeyFile
	server := block("Server")
	server["Enabled"], server["BootstrapExpect"] = s.config.Server.Enabled, s.config.Server.BootstrapExpect
	server["DataDir"], server["RejoinAfterLeave"] = s.config.Server.DataDir, s.config.Server.RejoinAfterLeave
	// The deprecated raft_boltdb block is obeyed but never shown.
	server["RaftLogStoreConfig"] = s.config.Server.RaftLogStoreConfig
	if !hasLogStoreChoice() {
		delete(server, "RaftLogStoreConfig")
	}
	server["RetryJoin"] = append([]string{}, s.config.Server.RetryJoin...)
	join := server["ServerJoin"].(map[string]any)
	join["RetryJoin"] = append([]string{}, s.config.Server.ServerJoin.RetryJoin...)
	join["RetryInterval"] = duration(s.config.Server.ServerJoin.RetryInterval, 30e9)
	return shown, nil
}

func (s *server) stats() map[string]map[string]string {
	address, _ := s.raft.LeaderWithID()
	raftStats := s.raft.Stats()
	if hasLogStoreChoice() {
		raftStats["logstore_backend"], _, _ = s.config.logStore()
	}
	return map[string]map[string]string{
		"nomad": {
			"server":        "true",
			"leader":        strconv.FormatBool(s.raft.State() == raft.Leader),
			"leader_addr":   string(address),
			"bootstrap":     strconv.FormatBool(s.config.Server.BootstrapExpect == 1),
			"known_regions": "1",
		},
		"raft": raftStats,
		"serf": s.serf.Stats(),
		"runtime": {
			"kernel.name": runtime.GOOS,
			"arch":        runtime.GOARCH,
			"version":     runtime.Version(),
			"max_procs":   strconv.Itoa(runtime.GOMAXPROCS(0)),
			"goroutines":  strconv.Itoa(runtime.NumGoroutine()),
			"cpu_count":   strconv.Itoa(runtime.NumCPU()),
		},
	}
}

func agentMembers(c *call) (any, error) {
	members := []member{}
	for _, one := range c.serf.Members() {
		members = append(members, apiMember(one))
	}
	return map[string]any{
		"ServerName": c.config.NodeName, "ServerRegion": c.config.Region, "ServerDC": c.config.Datacenter, "Members": members,
	}, nil
}

// agentHealth is 200 when this server knows a leader that answers. The unhealthy answer is JSON sent as plain text.
func agentHealth(c *call) (any, error) {
	type health struct {
		OK      bool   `json:"ok"`
		Message string `json:"message"`
	}
	answer := map[string]health{}
	switch c.URL.Query().Get("type") {
	case "", "server":
		ok := c.hasLeader()
		answer["server"] = health{ok, map[bool]string{true: "ok", false: errNoLeader.Error()}[ok]}
	case "client":
		answer["client"] = health{false, "client not enabled"}
	}
	if answer["server"].OK || len(answer) == 0 {
		return answer, nil
	}
	data, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return nil, refused{http.StatusInternalServerError, string(data)}
}
