// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sort"
	"strings"
	"time"

	"github.com/hashicorp/raft"
	autopilot "github.com/hashicorp/raft-autopilot"
)

// hasLeader waits for a leader as long as any call does.
func (s *server) hasLeader() bool {
	for deadline := time.Now().Add(holdTimeout); ; {
		if address, _ := s.raft.LeaderWithID(); address != "" {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func statusLeader(c *call) (any, error) {
	address, _ := c.raft.LeaderWithID()
	return string(address), nil
}

func regions(c *call) (any, error) {
	return []string{c.config.Region}, nil
}

func statusPeers(c *call) (any, error) {
	addresses := []string{}
	for _, peer := range c.peers() {
		addresses = append(addresses, string(peer.Address))
	}
	return addresses, nil
}

func raftConfiguration(c *call) (any, error) {
	type peer struct {
		ID, Node, Address, RaftProtocol string
		Leader, Voter                   bool
	}
	names := map[string]string{}
	for _, one := range c.serf.Members() {
		names[one.Tags["id"]] = one.Name
	}
	_, leaderID := c.raft.LeaderWithID()
	var servers []peer
	for _, one := range c.peers() {
		shown := peer{ID: string(one.ID), Node: names[string(one.ID)], Address: string(one.Address), RaftProtocol: "3"}
		shown.Leader, shown.Voter = one.ID == leaderID, one.Suffrage == raft.Voter
		if shown.Node == "" {
			shown.Node, shown.RaftProtocol = "(unknown)", "unknown"
		}
		servers = append(servers, shown)
	}
	return map[string]any{"Index": 0, "Servers": servers}, nil
}

func autopilotHealth(c *call) (any, error) {
	type serverHealth struct {
		ID, Name, Address, SerfStatus, Version string
		Leader                                 bool
		LastContact                            string
		LastTerm, LastIndex                    uint64
		Healthy, Voter                         bool
		StableSince                            time.Time
	}
	state := c.pilot.GetState()
	if state == nil {
		state = &autopilot.State{}
	}
	var servers []serverHealth
	for _, one := range state.Servers {
		servers = append(servers, serverHealth{
			ID: string(one.Server.ID), Name: one.Server.Name, Address: string(one.Server.Address),
			SerfStatus: string(one.Server.NodeStatus), Version: one.Server.Version, Leader: one.State == autopilot.RaftLeader,
			LastContact: one.Stats.LastContact.String(), LastTerm: one.Stats.LastTerm, LastIndex: one.Stats.LastIndex,
			Healthy: one.Health.Healthy, Voter: one.HasVotingRights(),
			StableSince: one.Health.StableSince.Round(time.Second).UTC(),
		})
	}
	sort.Slice(servers, func(i, j int) bool { return servers[i].ID < servers[j].ID })
	shown := map[string]any{
		"Healthy": state.Healthy, "FailureTolerance": state.FailureTolerance, "Servers": servers, "Leader": state.Leader,
		"Voters": append([]raft.ServerID{}, state.Voters...),
	}
	if !state.Healthy {
		return nil, c.writeUntyped(http.StatusTooManyRequests, shown)
	}
	return shown, nil
}

func autopilotConfiguration(c *call) (any, error) {
	if c.Method == http.MethodGet {
		if err := c.permit(secretOf(c.Request), operatorRead); err != nil {
			return nil, err
		}
		var entry *autopilotEntry
		c.machine.view(func(state *state) { entry = state.Autopilot })
		if entry == nil {
			return nil, fmt.Errorf("autopilot config not initialized yet")
		}
		return entry, nil
	}
	if err := c.permit(secretOf(c.Request), operatorWrite); err != nil {
		return nil, err
	}
	cas, given, err := casOf(c.Request, "Error parsing cas value: ")
	if err != nil {
		return nil, err
	}
	var entry autopilotEntry
	if err := json.NewDecoder(c.Body).Decode(&entry); err != nil {
		return nil, refused{http.StatusBadRequest, "Error parsing autopilot config: " + err.Error()}
	}
	changed, _, err := c.apply(command{SetAutopilot: &autopilotChange{Entry: &entry, Check: given, CAS: cas}})
	return changed, err
}

// checkTransfer is what Nomad finds wrong with the arguments before it looks for the leader.
func checkTransfer(r *http.Request) error {
	id, address := r.URL.Query().Get("id"), r.URL.Query().Get("address")
	wrong := func(text string) error { return refused{http.StatusBadRequest, text} }
	switch {
	case id == "" && address == "":
		return wrong("must specify id or address")
	case id != "" && address != "":
		return wrong("must specify either id or address")
	case id != "":
		if err := checkUUID(id); err != nil {
			return wrong("id must be a uuid: " + err.Error())
		}
	default:
		if _, err := netip.ParseAddrPort(address); err != nil {
			return wrong("address must be in IP:port format: " + err.Error())
		}
	}
	return nil
}

func checkUUID(text string) error {
	if len(text) != 36 {
		return errors.New("uuid string is wrong length")
	}
	parts := strings.Split(text, "-")
	if len(parts) != 5 || len(parts[0]) != 8 || len(parts[1]) != 4 || len(parts[2]) != 4 || len(parts[3]) != 4 {
		return errors.New("uuid is improperly formatted")
	}
	_, err := hex.DecodeString(strings.Join(parts, ""))
	return err
}

// removePeer takes a server, named by its id, out of the Raft configuration.
func removePeer(c *call) (any, error) {
	id := raft.ServerID(c.URL.Query().Get("id"))
	for _, peer := range c.peers() {
		if peer.ID == id {
			return nil, c.raft.RemoveServer(id, 0, 0).Error()
		}
	}
	return nil, refused{http.StatusBadRequest, fmt.Sprintf("id %q was not found in the Raft peers", id)}
}

func transferLeadership(c *call) (any, error) {
	type end struct{ ID, Address string }
	id, address := c.URL.Query().Get("id"), c.URL.Query().Get("address")
	var target *raft.Server
	for _, peer := range c.peers() {
		if string(peer.ID) == id || string(peer.Address) == address {
			target = &peer
		}
	}
	switch {
	case target == nil && id != "":
		return nil, refused{http.StatusBadRequest, fmt.Sprintf("id %q was not found in the Raft configuration", id)}
	case target == nil:
		return nil, refused{http.StatusBadRequest, fmt.Sprintf("address %q was not found in the Raft configuration", address)}
	}
	leaderAddress, leaderID := c.raft.LeaderWithID()
	reply := map[string]any{
		"From": end{string(leaderID), string(leaderAddress)}, "To": end{string(target.ID), string(target.Address)},
		"Noop": target.ID == leaderID, "Err": nil,
	}
	if target.ID == leaderID {
		return reply, nil
	}
	const attempts = 3
	var err error
	for range attempts {
		if err = c.raft.LeadershipTransferToServer(target.ID, target.Address).Error(); err == nil {
			return reply, nil
		}
	}
	return nil, fmt.Errorf("failed to transfer leadership in %d attempts. last error: %w", attempts, err)
}
