// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/hashicorp/raft"
)

// Commands and snapshots of the lab server start with a mark, so that a store written by Nomad can be opened: what
// does not carry the mark is kept in the log and not understood.
const (
	commandMark  = "raftops-lab-command-1\n"
	snapshotMark = "raftops-lab-snapshot-1\n"
)

// command is one change of the state, the data of one Raft log entry. Exactly one of the pointers is set.
type command struct {
	PutVariable    *variableChange  `json:",omitempty"`
	DeleteVariable *variableChange  `json:",omitempty"`
	SetAutopilot   *autopilotChange `json:",omitempty"`
	PutPolicy      *policy          `json:",omitempty"`
	PutToken       *token           `json:",omitempty"`
	BootstrapACL   *token           `json:",omitempty"`
	InitKeyring    *bool            `json:",omitempty"`
}

// state is what all servers agree on.
type state struct {
	Variables      map[string]*variable
	Autopilot      *autopilotEntry
	Policies       map[string]*policy
	Tokens         map[string]*token // by secret
	ACLBootstrap   uint64            // index of the bootstrap, 0 before
	KeyringReady   bool
	LastCommandIdx uint64
}

func emptyState() *state {
	return &state{Variables: map[string]*variable{}, Policies: map[string]*policy{}, Tokens: map[string]*token{}}
}

// machine is the Raft state machine. Readers take view(), which holds the lock while they look.
type machine struct {
	lock  sync.RWMutex
	state *state
}

func newMachine() *machine { return &machine{state: emptyState()} }

func (m *machine) view(look func(*state)) {
	m.lock.RLock()
	defer m.lock.RUnlock()
	look(m.state)
}

// Apply returns what the change's apply method returns: an answer for the caller, or an error.
func (m *machine) Apply(entry *raft.Log) any {
	data, ours := bytes.CutPrefix(entry.Data, []byte(commandMark))
	if !ours {
		return nil
	}
	var change command
	if err := json.Unmarshal(data, &change); err != nil {
		panic(fmt.Sprintf("lab command at index %d cannot be decoded: %v", entry.Index, err))
	}
	m.lock.Lock()
	defer m.lock.Unlock()
	m.state.LastCommandIdx = entry.Index
	switch {
	case change.PutVariable != nil:
		return m.state.putVariable(entry.Index, change.PutVariable)
	case change.DeleteVariable != nil:
		return m.state.deleteVariable(change.DeleteVariable)
	case change.SetAutopilot != nil:
		return m.state.setAutopilot(entry.Index, change.SetAutopilot)
	case change.PutPolicy != nil:
		return m.state.putPolicy(entry.Index, change.PutPolicy)
	case change.PutToken != nil:
		return m.state.putToken(entry.Index, change.PutToken)
	case change.BootstrapACL != nil:
		return m.state.bootstrapACL(entry.Index, change.BootstrapACL)
	case change.InitKeyring != nil:
		m.state.KeyringReady = true
	}
	return nil
}

func (change command) encode() []byte {
	data, err := json.Marshal(change)
	if err != nil {
		panic(err)
	}
	return append([]byte(commandMark), data...)
}

// Snapshot leaves autopilot's configuration out, as Nomad does: a server that starts from one has none.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	m.lock.RLock()
	defer m.lock.RUnlock()
	kept := *m.state
	kept.Autopilot = nil
	data, err := json.Marshal(&kept)
	return machineSnapshot(data), err
}

// Restore takes a lab snapshot; one made by Nomad leaves the state empty.
func (m *machine) Restore(source io.ReadCloser) error {
	defer source.Close()
	content, err := io.ReadAll(source)
	if err != nil {
		return err
	}
	restored := emptyState()
	if data, ours := bytes.CutPrefix(content, []byte(snapshotMark)); ours {
		if err := json.Unmarshal(data, restored); err != nil {
			return err
		}
	}
	m.lock.Lock()
	defer m.lock.Unlock()
	m.state = restored
	return nil
}

type machineSnapshot []byte

func (s machineSnapshot) Persist(sink raft.SnapshotSink) error {
	_, err := sink.Write(append([]byte(snapshotMark), s...))
	if err != nil {
		_ = sink.Cancel()
		return err
	}
	return sink.Close()
}

func (machineSnapshot) Release() {}
