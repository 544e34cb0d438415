// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/hcl"
)

// policy is an ACL policy; Rules is its HCL text.
type policy struct {
	Name        string
	Description string
	Rules       string
	CreateIndex uint64
	ModifyIndex uint64
}

// token is an ACL token as the API shows it.
type token struct {
	AccessorID     string
	SecretID       string
	Name           string
	Type           string
	Policies       []string
	Roles          []string
	Global         bool
	CreateTime     time.Time
	ExpirationTime *time.Time
	CreateIndex    uint64
	ModifyIndex    uint64
}

// capability is a right that an endpoint demands. What a management token may is everything.
type capability string

const (
	anybody       capability = ""
	management    capability = "management"
	agentRead     capability = "agent:read"
	nodeRead      capability = "node:read"
	operatorRead  capability = "operator:read"
	operatorWrite capability = "operator:write"
	snapshotSave  capability = "operator:snapshot-save"
)

var errPermissionDenied = errors.New("Permission denied")

// rules is the part of an ACL policy that the lab server knows.
type rules struct {
	Operator ruleBlock `hcl:"operator"`
	Agent    ruleBlock `hcl:"agent"`
	Node     ruleBlock `hcl:"node"`
}

type ruleBlock struct {
	Policy       string   `hcl:"policy"`
	Capabilities []string `hcl:"capabilities"`
}

func (r rules) allow(wanted capability) bool {
	writes, reads := r.Operator.Policy == "write", r.Operator.Policy == "read"
	switch wanted {
	case agentRead:
		return r.Agent.Policy == "read" || r.Agent.Policy == "write"
	case nodeRead:
		return r.Node.Policy == "read" || r.Node.Policy == "write"
	case operatorRead:
		return reads || writes
	case operatorWrite:
		return writes
	case snapshotSave:
		return writes || slices.Contains(r.Operator.Capabilities, "snapshot-save")
	}
	return false
}

// permit says whether the bearer of secret may do what demands the capability, by the state of this very server.
func (s *server) permit(secret string, wanted capability) error {
	if !s.config.ACL.Enabled || wanted == anybody {
		return nil
	}
	allowed := false
	s.machine.view(func(state *state) {
		bearer := state.Tokens[secret]
		if bearer == nil {
			return
		}
		allowed = bearer.Type == "management"
		for _, name := range bearer.Policies {
			if policy := state.Policies[name]; policy != nil {
				var granted rules
				allowed = allowed || hcl.Decode(&granted, policy.Rules) == nil && granted.allow(wanted)
			}
		}
	})
	if !allowed {
		return errPermissionDenied
	}
	return nil
}

func (s *state) putPolicy(index uint64, written *policy) any {
	written.CreateIndex, written.ModifyIndex = index, index
	if present := s.Policies[written.Name]; present != nil {
		written.CreateIndex = present.CreateIndex
	}
	s.Policies[written.Name] = written
	return written
}

func (s *state) putToken(index uint64, written *token) any {
	written.CreateIndex, written.ModifyIndex = index, index
	s.Tokens[written.SecretID] = written
	return written
}

func (s *state) bootstrapACL(index uint64, first *token) any {
	if s.ACLBootstrap != 0 {
		return errBootstrapped(s.ACLBootstrap)
	}
	s.ACLBootstrap = index
	return s.putToken(index, first)
}
