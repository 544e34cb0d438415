// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import "time"

// variable is a Nomad Variable as the API shows it.
type variable struct {
	Namespace   string
	Path        string
	CreateIndex uint64
	CreateTime  int64
	ModifyIndex uint64
	ModifyTime  int64
	Items       map[string]string `json:",omitempty"`
}

// variableChange is a write or a deletion; with Check it happens only while the variable's ModifyIndex is CAS (0:
// absent).
type variableChange struct {
	Path  string
	Items map[string]string
	Now   time.Time
	Check bool
	CAS   uint64
}

// variableConflict is the answer to a change whose check failed, and what stands there.
type variableConflict struct{ present *variable }

func (s *state) conflict(change *variableChange) *variableConflict {
	present := s.Variables[change.Path]
	found := uint64(0)
	if present != nil {
		found = present.ModifyIndex
	}
	if !change.Check || found == change.CAS {
		return nil
	}
	if present == nil {
		present = &variable{Namespace: "default", Path: change.Path}
	}
	return &variableConflict{present}
}

func (s *state) putVariable(index uint64, change *variableChange) any {
	if conflict := s.conflict(change); conflict != nil {
		return conflict
	}
	now := change.Now.UnixNano()
	written := &variable{"default", change.Path, index, now, index, now, change.Items}
	if present := s.Variables[change.Path]; present != nil {
		written.CreateIndex, written.CreateTime = present.CreateIndex, present.CreateTime
	}
	s.Variables[change.Path] = written
	return written
}

func (s *state) deleteVariable(change *variableChange) any {
	if conflict := s.conflict(change); conflict != nil {
		return conflict
	}
	delete(s.Variables, change.Path)
	return nil
}
