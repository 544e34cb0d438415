// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	metrics "github.com/hashicorp/go-metrics/compat"
	"github.com/hashicorp/raft"
	autopilot "github.com/hashicorp/raft-autopilot"
	"github.com/hashicorp/serf/serf"
)

const (
	snapshotsRetained = 2
	raftLogCacheSize  = 512
	applyTimeout      = 30 * time.Second
)

// server is one running lab server: Raft, gossip and what the leader does.
type server struct {
	config  *Config
	id      string
	logger  hclog.Logger
	machine *machine
	network *network
	store   logStore
	raft    *raft.Raft
	serf    *serf.Serf
	pilot   *autopilot.Autopilot
	metrics *metrics.InmemSink

	memberEvents chan serf.Event
	reconcile    chan serf.Member
	leadership   chan bool
	bootstrapped bool
	ready        atomic.Bool // the leader has applied all that was committed before its term
	stopped      chan struct{}
}

// newServer opens the store and starts Raft and gossip. An error has Nomad's words.
func newServer(config *Config, logger hclog.Logger) (*server, error) {
	if err := config.serverError(); err != nil {
		return nil, fmt.Errorf("server config setup failed: %w", err)
	}
	s := &server{
		config:       config,
		logger:       logger.Named("nomad"),
		machine:      newMachine(),
		memberEvents: make(chan serf.Event, 256),
		reconcile:    make(chan serf.Member, 256),
		leadership:   make(chan bool, 16),
		stopped:      make(chan struct{}),
	}
	if err := s.start(); err != nil {
		return nil, fmt.Errorf("server setup failed: %w", err)
	}
	return s, nil
}

func (s *server) start() (err error) {
	if s.id, err = nodeID(s.config.serverDir()); err != nil {
		return err
	}
	if s.metrics, err = keepMetrics(); err != nil {
		return err
	}
	listen := net.JoinHostPort(s.config.Addresses.RPC, strconv.Itoa(s.config.Ports.RPC))
	if s.network, err = listenRPC(listen, s.config.Advertise.RPC); err != nil {
		return fmt.Errorf("Failed to start RPC layer: %w", err)
	}
	if err := s.startRaft(); err != nil {
		s.network.close()
		return fmt.Errorf("Failed to start Raft: %w", err)
	}
	s.pilot = s.newAutopilot()
	if err := s.startGossip(); err != nil {
		return fmt.Errorf("Failed to start serf: %w", err)
	}
	go s.serveInternal()
	go s.watchLeadership()
	return nil
}

// nodeID reads or makes <server dir>/node-id, the Raft ID.
func nodeID(serverDir string) (string, error) {
	path := filepath.Join(serverDir, "node-id")
	if content, err := os.ReadFile(path); err == nil {
		return strings.ToLower(strings.TrimSpace(string(content))), nil
	}
	if err := os.MkdirAll(serverDir, 0o755); err != nil {
		return "", err
	}
	id := newUUID()
	return id, os.WriteFile(path, []byte(id), 0o600)
}

func newUUID() string {
	random := make([]byte, 16)
	_, _ = rand.Read(random)
	return fmt.Sprintf("%x-%x-%x-%x-%x", random[:4], random[4:6], random[6:8], random[8:10], random[10:])
}

func (s *server) raftConfig() *raft.Config {
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(s.id)
	config.Logger = s.logger.Named("raft")
	config.NotifyCh = s.leadership
	config.ShutdownOnRemove = false
	if factor := time.Duration(s.config.Server.RaftMultiplier); factor > 0 {
		config.HeartbeatTimeout *= factor
		config.ElectionTimeout *= factor
		config.LeaderLeaseTimeout *= factor
	}
	if n := s.config.Server.RaftTrailingLogs; n > 0 {
		config.TrailingLogs = uint64(n)
	}
	if n := s.config.Server.RaftSnapshotThreshold; n > 0 {
		config.SnapshotThreshold = uint64(n)
	}
	config.SnapshotInterval = duration(s.config.Server.RaftSnapshotInterval, config.SnapshotInterval)
	return config
}

func (s *server) startRaft() error {
	raftDir := filepath.Join(s.config.serverDir(), "raft")
	if err := prepareRaftDir(raftDir); err != nil {
		return err
	}
	store, err := openLogStore(s.config, raftDir, s.logger)
	if err != nil {
		return err
	}
	s.store = store
	s.measure(store)
	logFoundState(store, s.logger)
	logVerifier(s.config.Server.RaftLogStoreConfig, s.logger)
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(raftDir, snapshotsRetained, s.logger.Named("snapshot"))
	if err != nil {
		return err
	}
	var cached raft.LogStore = store
	if block := s.config.Server.RaftLogStoreConfig; block == nil || !block.DisableLogCache {
		if cached, err = raft.NewLogCache(raftLogCacheSize, store); err != nil {
			return err
		}
	}
	layer := raftLayer{s.network.raft}
	transport := raft.NewNetworkTransportWithLogger(layer, 3, 10*time.Second, s.logger.Named("raft.transport"))
	config := s.raftConfig()
	err = recoverPeers(raftDir, s.logger, func(peers raft.Configuration) error {
		return raft.RecoverCluster(config, newMachine(), cached, store, snapshots, transport, peers)
	})
	if err != nil {
		return err
	}
	if s.config.Server.BootstrapExpect == 1 {
		alone := raft.Configuration{Servers: []raft.Server{{ID: config.LocalID, Address: transport.LocalAddr()}}}
		err := raft.BootstrapCluster(config, cached, store, snapshots, transport, alone)
		if err != nil && !errors.Is(err, raft.ErrCantBootstrap) {
			return err
		}
	}
	s.raft, err = raft.NewRaft(config, s.machine, cached, store, snapshots, transport)
	return err
}

// apply commits one change through Raft; only the leader can. The answer is what the state machine returned.
func (s *server) apply(change command) (any, uint64, error) {
	future := s.raft.Apply(change.encode(), applyTimeout)
	if err := future.Error(); err != nil {
		return nil, 0, err
	}
	if err, failed := future.Response().(error); failed {
		return nil, 0, err
	}
	return future.Response(), future.Index(), nil
}

// peers is the Raft configuration in force here.
func (s *server) peers() []raft.Server {
	future := s.raft.GetConfiguration()
	if err := future.Error(); err != nil {
		return nil
	}
	return future.Configuration().Servers
}

// leave takes the server out of the peer set and of the gossip pool, and waits to be out for some seconds.
func (s *server) leave() {
	s.logger.Info("server starting leave")
	wasLeader := s.raft.State() == raft.Leader
	if wasLeader && len(s.peers()) > 1 {
		if err := s.raft.RemoveServer(raft.ServerID(s.id), 0, 0).Error(); err != nil {
			s.logger.Error("failed to remove ourself as raft peer", "error", err)
		}
	}
	if err := s.serf.Leave(); err != nil {
		s.logger.Error("failed to leave Serf cluster", "error", err)
	}
	for deadline := time.Now().Add(5 * time.Second); !wasLeader && time.Now().Before(deadline) && s.isPeer(); {
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *server) isPeer() bool {
	for _, peer := range s.peers() {
		if string(peer.ID) == s.id {
			return true
		}
	}
	return false
}

func (s *server) shutdown() {
	s.logger.Info("shutting down server")
	close(s.stopped)
	_ = s.serf.Shutdown()
	_ = s.raft.Shutdown().Error()
	s.network.close()
	_ = s.store.Close()
}
