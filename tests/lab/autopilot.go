// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"strconv"
	"time"

	"github.com/hashicorp/raft"
	autopilot "github.com/hashicorp/raft-autopilot"
)

// Nomad's intervals: they decide how soon a stopped server is seen unhealthy and removed.
const (
	autopilotUpdateInterval    = 2 * time.Second
	autopilotReconcileInterval = 10 * time.Second
)

// autopilotEntry is the autopilot configuration as the API shows it; the running one lives in the state machine.
type autopilotEntry struct {
	CleanupDeadServers      bool
	LastContactThreshold    apiDuration
	ServerStabilizationTime apiDuration
	MaxTrailingLogs         uint64
	MinQuorum               uint
	EnableRedundancyZones   bool
	DisableUpgradeMigration bool
	EnableCustomUpgrades    bool
	CreateIndex             uint64
	ModifyIndex             uint64
}

// autopilotChange replaces the whole configuration; with Check only while its ModifyIndex is CAS.
type autopilotChange struct {
	Entry *autopilotEntry
	Check bool
	CAS   uint64
}

// entry is what a new cluster starts with: Nomad's defaults, or what the configuration file says.
func (c *AutopilotConfig) entry() *autopilotEntry {
	entry := &autopilotEntry{
		CleanupDeadServers:      c.CleanupDeadServers == nil || *c.CleanupDeadServers,
		LastContactThreshold:    apiDuration(duration(c.LastContactThreshold, 200*time.Millisecond)),
		ServerStabilizationTime: apiDuration(duration(c.ServerStabilizationTime, 10*time.Second)),
		MaxTrailingLogs:         250,
		MinQuorum:               uint(c.MinQuorum),
	}
	if c.MaxTrailingLogs > 0 {
		entry.MaxTrailingLogs = uint64(c.MaxTrailingLogs)
	}
	return entry
}

// setAutopilot returns whether the change was made.
func (s *state) setAutopilot(index uint64, change *autopilotChange) any {
	if change.Check && (s.Autopilot == nil || s.Autopilot.ModifyIndex != change.CAS) {
		return false
	}
	entry := *change.Entry
	entry.CreateIndex, entry.ModifyIndex = index, index
	if s.Autopilot != nil {
		entry.CreateIndex = s.Autopilot.CreateIndex
	}
	s.Autopilot = &entry
	return true
}

func (s *server) newAutopilot() *autopilot.Autopilot {
	return autopilot.New(s.raft, &pilot{s}, autopilot.WithLogger(s.logger),
		autopilot.WithUpdateInterval(autopilotUpdateInterval), autopilot.WithReconcileInterval(autopilotReconcileInterval))
}

// pilot is what the autopilot library asks of an application.
type pilot struct{ server *server }

func (p *pilot) AutopilotConfig() *autopilot.Config {
	var config *autopilot.Config
	p.server.machine.view(func(state *state) {
		if entry := state.Autopilot; entry != nil {
			config = &autopilot.Config{
				CleanupDeadServers:      entry.CleanupDeadServers,
				LastContactThreshold:    time.Duration(entry.LastContactThreshold),
				MaxTrailingLogs:         entry.MaxTrailingLogs,
				MinQuorum:               entry.MinQuorum,
				ServerStabilizationTime: time.Duration(entry.ServerStabilizationTime),
			}
		}
	})
	return config
}

func (p *pilot) NotifyState(*autopilot.State) {}

// KnownServers are only those alive in gossip. Autopilot takes any other peer for one that left, which is why
// SerfStatus never says "failed" and why a dead voter is removed as a stale one.
func (p *pilot) KnownServers() map[raft.ServerID]*autopilot.Server {
	_, leader := p.server.raft.LeaderWithID()
	known := map[raft.ServerID]*autopilot.Server{}
	for _, member := range p.server.aliveMembers() {
		id := raft.ServerID(member.Tags["id"])
		known[id] = &autopilot.Server{
			ID:          id,
			Name:        member.Name,
			Address:     rpcAddress(member),
			NodeStatus:  autopilot.NodeAlive,
			Version:     member.Tags["build"],
			RaftVersion: 3,
			IsLeader:    id == leader,
		}
	}
	return known
}

// FetchServerStats waits for all until the limit and leaves out who did not answer: autopilot then keeps the last it
// heard. A server that refuses the connection is waited for as well, as in Nomad; with one down, a new leader's first
// state is therefore discarded as too late, and autopilot shows no servers for some 3 s.
func (p *pilot) FetchServerStats(
	limit context.Context, servers map[raft.ServerID]*autopilot.Server,
) map[raft.ServerID]*autopilot.ServerStats {
	type answer struct {
		id    raft.ServerID
		stats *autopilot.ServerStats
	}
	answers := make(chan answer, len(servers))
	for id, one := range servers {
		go func() {
			if stats := p.server.askStats(limit, string(one.Address)); stats != nil {
				answers <- answer{id, stats}
			}
		}()
	}
	stats := map[raft.ServerID]*autopilot.ServerStats{}
	for range servers {
		select {
		case <-limit.Done():
			return stats
		case one := <-answers:
			stats[one.id] = one.stats
		}
	}
	return stats
}

func (p *pilot) RemoveFailedServer(failed *autopilot.Server) {
	_ = p.server.serf.RemoveFailedNode(failed.Name)
}

// serverStats is what autopilot wants to know of one server, from Raft's own statistics.
func (s *server) serverStats() *autopilot.ServerStats {
	raftStats := s.raft.Stats()
	stats := &autopilot.ServerStats{LastContact: -1}
	switch contact := raftStats["last_contact"]; contact {
	case "0":
		stats.LastContact = 0
	case "never":
	default:
		stats.LastContact = duration(contact, -1)
	}
	stats.LastTerm, _ = strconv.ParseUint(raftStats["last_log_term"], 10, 64)
	stats.LastIndex, _ = strconv.ParseUint(raftStats["last_log_index"], 10, 64)
	return stats
}
