// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/hcl"
)

var errACLDisabled = refused{http.StatusBadRequest, "ACL support disabled"}

func errBootstrapped(index uint64) error {
	return refused{http.StatusBadRequest, fmt.Sprintf("ACL bootstrap already done (reset index: %d)", index)}
}

func aclBootstrap(c *call) (any, error) {
	if !c.config.ACL.Enabled {
		return nil, errACLDisabled
	}
	first := newToken("Bootstrap Token", "management")
	first.Global = true
	answer, _, err := c.apply(command{BootstrapACL: first})
	return answer, err
}

func newToken(name, kind string) *token {
	return &token{AccessorID: newUUID(), SecretID: newUUID(), Name: name, Type: kind, CreateTime: time.Now().UTC()}
}

func aclPolicy(c *call) (any, error) {
	if !c.config.ACL.Enabled {
		return nil, errACLDisabled
	}
	name := c.PathValue("name")
	if c.Method == http.MethodGet {
		var found *policy
		c.machine.view(func(state *state) { found = state.Policies[name] })
		if found == nil {
			return nil, refused{http.StatusNotFound, "ACL policy not found"}
		}
		return found, nil
	}
	var wanted policy
	if err := json.NewDecoder(c.Body).Decode(&wanted); err != nil {
		return nil, refused{http.StatusBadRequest, err.Error()}
	}
	if wanted.Name != name {
		return nil, refused{http.StatusBadRequest, "ACL policy name does not match request path"}
	}
	var granted rules
	if err := hcl.Decode(&granted, wanted.Rules); err != nil {
		return nil, refused{http.StatusBadRequest, "failed to parse rules: " + err.Error()}
	}
	_, _, err := c.apply(command{PutPolicy: &wanted})
	return nil, err
}

func aclToken(c *call) (any, error) {
	if !c.config.ACL.Enabled {
		return nil, errACLDisabled
	}
	var wanted token
	if err := json.NewDecoder(c.Body).Decode(&wanted); err != nil {
		return nil, refused{http.StatusBadRequest, err.Error()}
	}
	made := newToken(wanted.Name, wanted.Type)
	made.Policies, made.Global = wanted.Policies, wanted.Global
	answer, _, err := c.apply(command{PutToken: made})
	return answer, err
}

func aclTokenSelf(c *call) (any, error) {
	if !c.config.ACL.Enabled {
		return &token{AccessorID: "acls-disabled", Name: "ACLs disabled token", Type: "client"}, nil
	}
	secret := secretOf(c.Request)
	var found *token
	c.machine.view(func(state *state) { found = state.Tokens[secret] })
	switch {
	case found != nil:
		return found, nil
	case secret != "" && !uuidForm.MatchString(secret):
		return nil, errMalformedToken
	}
	return nil, errPermissionDenied
}
