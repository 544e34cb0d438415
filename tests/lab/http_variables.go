// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
)

const maxVariableSize = 64 << 10

// variableCall is GET, PUT and DELETE of /v1/var/PATH.
func variableCall(c *call) (any, error) {
	path := c.PathValue("path")
	if path == "" {
		return nil, refused{http.StatusBadRequest, "missing variable path"}
	}
	if c.Method == http.MethodGet {
		var found *variable
		c.machine.view(func(state *state) { found = state.Variables[path] })
		if found == nil {
			return nil, refused{http.StatusNotFound, "variable not found"}
		}
		c.setIndex(found.ModifyIndex)
		return found, nil
	}
	cas, given, err := casOf(c.Request, "can not parse cas: ")
	if err != nil {
		return nil, err
	}
	change := &variableChange{Path: path, Now: time.Now(), Check: given, CAS: cas}
	if c.Method == http.MethodDelete {
		return c.changeVariable(command{DeleteVariable: change})
	}
	var wanted variable
	if err := json.NewDecoder(c.Body).Decode(&wanted); err != nil {
		return nil, refused{http.StatusBadRequest, err.Error()}
	}
	if len(wanted.Items) == 0 {
		return nil, refused{http.StatusBadRequest, "variable missing required Items object"}
	}
	size := 0
	for name, value := range wanted.Items {
		size += len(name) + len(value)
	}
	if size > maxVariableSize {
		return nil, refused{http.StatusBadRequest, "RPC Error:: 400,variables are limited to 64KiB in total size"}
	}
	change.Items = wanted.Items
	return c.changeVariable(command{PutVariable: change})
}

func (c *call) changeVariable(change command) (any, error) {
	ready := false
	c.machine.view(func(state *state) { ready = state.KeyringReady })
	if !ready {
		return nil, errors.New("variable error: encrypt: keyring has not been initialized yet")
	}
	answer, index, err := c.apply(change)
	if err != nil {
		return nil, err
	}
	c.setIndex(index)
	if conflict, ok := answer.(*variableConflict); ok {
		return nil, c.writeUntyped(http.StatusConflict, conflict.present)
	}
	if answer == nil {
		c.WriteHeader(http.StatusNoContent)
	}
	return answer, nil
}

func (c *call) setIndex(index uint64) {
	c.Header().Set("X-Nomad-Index", strconv.FormatUint(index, 10))
}

// listVariables is /v1/vars: all below ?prefix=, without their items, sorted by path.
func listVariables(c *call) (any, error) {
	prefix := c.URL.Query().Get("prefix")
	found := []*variable{}
	c.machine.view(func(state *state) {
		for path, one := range state.Variables {
			if strings.HasPrefix(path, prefix) {
				bare := *one
				bare.Items = nil
				found = append(found, &bare)
			}
		}
		c.setIndex(state.LastCommandIdx)
	})
	sort.Slice(found, func(i, j int) bool { return found[i].Path < found[j].Path })
	return found, nil
}
