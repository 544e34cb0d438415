// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"time"

	"github.com/hashicorp/raft"
	"github.com/hashicorp/serf/serf"
)

const (
	reconcileInterval = 60 * time.Second
	keyringDelay      = time.Second
)

func (s *server) watchLeadership() {
	endTerm := func() {}
	for {
		select {
		case <-s.stopped:
			endTerm()
			return
		case elected := <-s.leadership:
			endTerm()
			if !elected {
				s.logger.Info("cluster leadership lost")
				continue
			}
			s.logger.Info("cluster leadership acquired")
			term, cancel := context.WithCancel(context.Background())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				s.lead(term)
			}()
			endTerm = func() {
				cancel()
				<-ended
			}
		}
	}
}

// lead does the leader's work until its term ends: first the settings of a new cluster, then members and peers.
func (s *server) lead(term context.Context) {
	if err := s.raft.Barrier(0).Error(); err != nil {
		s.logger.Error("failed to wait for barrier", "error", err)
		return
	}
	s.seedAutopilot()
	s.pilot.Start(term)
	s.ready.Store(true)
	defer func() {
		s.ready.Store(false)
		<-s.pilot.Stop()
	}()
	go s.initKeyring(term)
	for {
		s.reconcileAll()
		ticker := time.After(reconcileInterval)
		for waiting := true; waiting; {
			select {
			case <-term.Done():
				return
			case member := <-s.reconcile:
				s.reconcileMember(member)
			case <-ticker:
				waiting = false
			}
		}
	}
}

func (s *server) seedAutopilot() {
	seeded := false
	s.machine.view(func(state *state) { seeded = state.Autopilot != nil })
	if !seeded {
		if _, _, err := s.apply(command{SetAutopilot: &autopilotChange{Entry: s.config.Autopilot.entry()}}); err != nil {
			s.logger.Error("failed to initialize config", "error", err)
		}
	}
}

// initKeyring lets variables work, a moment after the first election of a cluster as in Nomad.
func (s *server) initKeyring(term context.Context) {
	ready := false
	s.machine.view(func(state *state) { ready = state.KeyringReady })
	if ready {
		return
	}
	select {
	case <-term.Done():
	case <-time.After(keyringDelay):
		if _, _, err := s.apply(command{InitKeyring: new(bool)}); err == nil {
			s.logger.Info("initialized keyring")
		}
	}
}

func (s *server) reconcileAll() {
	for _, member := range s.serf.Members() {
		s.reconcileMember(member)
	}
}

// reconcileMember brings the peer set in line with one gossip member: alive ones enter as non-voters (autopilot
// promotes them), those that left go. A failed member stays: that is autopilot's decision.
func (s *server) reconcileMember(member serf.Member) {
	id, address := raft.ServerID(member.Tags["id"]), rpcAddress(member)
	if !s.isServer(member) || s.bootstrapsBesideAnother(member) || string(id) == s.id {
		return
	}
	switch member.Status {
	case serf.StatusAlive:
		s.addPeer(id, address)
	case serf.StatusLeft:
		s.removePeer(id)
	}
}

func (s *server) addPeer(id raft.ServerID, address raft.ServerAddress) {
	for _, peer := range s.peers() {
		if peer.ID == id && peer.Address == address {
			return
		}
		if peer.Address == address {
			s.removePeer(peer.ID)
		}
	}
	if err := s.raft.AddNonvoter(id, address, 0, 0).Error(); err != nil {
		s.logger.Error("failed to add raft peer", "error", err)
	}
}

func (s *server) removePeer(id raft.ServerID) {
	for _, peer := range s.peers() {
		if peer.ID == id {
			s.logger.Info("removing server by ID", "id", id)
			if err := s.raft.RemoveServer(id, 0, 0).Error(); err != nil {
				s.logger.Error("failed to remove raft peer", "id", id, "error", err)
			}
		}
	}
}

// bootstrapsBesideAnother says so of two servers with bootstrap_expect 1. Nomad looks at those of other regions, too.
func (s *server) bootstrapsBesideAnother(member serf.Member) bool {
	for _, other := range s.serf.Members() {
		if member.Tags["bootstrap"] == "1" && other.Tags["bootstrap"] == "1" && other.Name != member.Name {
			s.logger.Error("skipping adding Raft peer because an existing peer is in bootstrap mode and only one server "+
				"should be in bootstrap mode", "existing_peer", other.Name, "joining_peer", member.Name)
			return true
		}
	}
	return false
}
