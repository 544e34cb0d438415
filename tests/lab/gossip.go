// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"log"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/raft"
	"github.com/hashicorp/serf/serf"
)

// startGossip joins Nomad's gossip as Nomad does: WAN timing (so that a dead server is found after about 37 s), the
// Raft ID and RPC port as tags.
func (s *server) startGossip() error {
	config := serf.DefaultConfig()
	config.Init()
	config.MemberlistConfig = memberlist.DefaultWANConfig()
	config.NodeName = s.config.memberName()
	advertised, port, _ := net.SplitHostPort(s.config.Advertise.Serf)
	config.MemberlistConfig.BindAddr = s.config.Addresses.Serf
	config.MemberlistConfig.BindPort = s.config.Ports.Serf
	config.MemberlistConfig.AdvertiseAddr = advertised
	config.MemberlistConfig.AdvertisePort, _ = strconv.Atoi(port)
	config.EventCh = s.memberEvents
	config.SnapshotPath = filepath.Join(s.config.serverDir(), "serf", "snapshot")
	config.RejoinAfterLeave = s.config.Server.RejoinAfterLeave
	config.ReconnectTimeout = 72 * time.Hour
	config.Tags = s.tags()
	logger := s.logger.StandardLogger(&hclog.StandardLoggerOptions{InferLevels: true})
	config.Logger, config.MemberlistConfig.Logger = logger, logger
	config.LogOutput, config.MemberlistConfig.LogOutput = nil, nil
	err := os.MkdirAll(filepath.Dir(config.SnapshotPath), 0o755)
	if err != nil {
		return err
	}
	if s.serf, err = serf.Create(config); err != nil {
		return err
	}
	go s.handleMemberEvents()
	go s.join(logger)
	return nil
}

func (s *server) tags() map[string]string {
	address, port, _ := net.SplitHostPort(s.config.Advertise.RPC)
	tags := map[string]string{
		"role": "nomad", "region": s.config.Region, "dc": s.config.Datacenter, "build": version(), "revision": "", "vsn": "1",
		"raft_vsn": "3", "id": s.id, "rpc_addr": address, "port": port,
	}
	switch expect := s.config.Server.BootstrapExpect; {
	case expect == 1:
		tags["bootstrap"] = "1"
	case expect > 1:
		tags["expect"] = strconv.Itoa(expect)
	}
	return tags
}

// join tries the retry_join addresses until one answers. The server's own address counts, as in Nomad.
func (s *server) join(logger *log.Logger) {
	joins := s.config.Server.ServerJoin
	targets := append(append([]string{}, joins.RetryJoin...), joins.StartJoin...)
	targets = append(append(targets, s.config.Server.RetryJoin...), s.config.Server.StartJoin...)
	interval := duration(joins.RetryInterval, duration(s.config.Server.RetryInterval, 30*time.Second))
	for len(targets) > 0 {
		joined, err := s.serf.Join(targets, true)
		if joined > 0 {
			logger.Printf("[INFO] agent.joiner: retry join completed: initial_servers=%d agent_mode=server", joined)
			return
		}
		logger.Printf("[WARN] agent.joiner: join failed: error=%v retry=%s", err, interval)
		select {
		case <-s.stopped:
			return
		case <-time.After(interval):
		}
	}
}

func (s *server) handleMemberEvents() {
	for {
		select {
		case <-s.stopped:
			return
		case event := <-s.memberEvents:
			members, ok := event.(serf.MemberEvent)
			if !ok {
				continue
			}
			if event.EventType() == serf.EventMemberJoin {
				s.maybeBootstrap()
			}
			for _, member := range members.Members {
				if event.EventType() == serf.EventMemberReap {
					member.Status = serf.StatusLeft
				}
				select {
				case s.reconcile <- member:
				default: // the leader's periodic look at all members makes up for it
				}
			}
		}
	}
}

// maybeBootstrap starts a new cluster once bootstrap_expect servers see each other, none of which knows Raft peers.
func (s *server) maybeBootstrap() {
	expect := s.config.Server.BootstrapExpect
	if expect < 2 || s.bootstrapped {
		return
	}
	if last, err := s.store.LastIndex(); err != nil || last != 0 {
		s.bootstrapped = true
		return
	}
	var found raft.Configuration
	for _, member := range s.serf.Members() {
		if s.isServer(member) && member.Tags["expect"] == strconv.Itoa(expect) {
			found.Servers = append(found.Servers, raft.Server{ID: raft.ServerID(member.Tags["id"]), Address: rpcAddress(member)})
		}
	}
	if len(found.Servers) < expect {
		return
	}
	for _, peer := range found.Servers {
		known, err := s.askPeers(string(peer.Address))
		if err != nil {
			s.logger.Error("failed to confirm peer status", "peer", peer.Address, "error", err)
			return
		}
		if len(known) > 0 {
			s.logger.Info("disabling bootstrap mode because existing Raft peers being reported by peer",
				"peer_address", peer.Address)
			s.bootstrapped = true
			return
		}
	}
	s.logger.Info("found expected number of peers, attempting to bootstrap cluster...", "peers", found.Servers)
	if err := s.raft.BootstrapCluster(found).Error(); err != nil {
		s.logger.Error("failed to bootstrap cluster", "error", err)
	}
	s.bootstrapped = true
}

func rpcAddress(member serf.Member) raft.ServerAddress {
	return raft.ServerAddress(net.JoinHostPort(member.Tags["rpc_addr"], member.Tags["port"]))
}

func (s *server) isServer(member serf.Member) bool {
	return member.Tags["role"] == "nomad" && member.Tags["region"] == s.config.Region
}

// aliveMembers are the servers of this region that gossip calls alive. Nomad forgets all others at once.
func (s *server) aliveMembers() []serf.Member {
	var alive []serf.Member
	for _, member := range s.serf.Members() {
		if member.Status == serf.StatusAlive && s.isServer(member) {
			alive = append(alive, member)
		}
	}
	return alive
}
