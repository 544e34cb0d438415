// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/binary"

	"github.com/hashicorp/go-msgpack/v2/codec"
	"github.com/hashicorp/raft"
)

// An entry as raft wrote it before 1.1.1, without Extensions and AppendedAt; go-msgpack sorts the keys itself.
type fourKeys struct {
	Index, Term uint64
	Type        raft.LogType
	Data        []byte
}

// An entry as raft wrote it from 1.1.1 to about 1.3.0, without AppendedAt.
type fiveKeys struct {
	Index, Term      uint64
	Type             raft.LogType
	Data, Extensions []byte
}

// Entries that no store should hold: each has one thing that raft never writes.
type (
	unknownKey struct {
		fiveKeys
		Peer []byte
	}
	textIndex struct {
		Index string
		Term  uint64
		Type  raft.LogType
		Data  []byte
	}
)

func handle(newTime, newSpec bool) *codec.MsgpackHandle {
	return &codec.MsgpackHandle{BasicHandle: codec.BasicHandle{TimeNotBuiltin: !newTime}, WriteExt: newSpec}
}

func pack(value any, handle *codec.MsgpackHandle) ([]byte, error) {
	var buffer bytes.Buffer
	err := codec.NewEncoder(&buffer, handle).Encode(value)
	return buffer.Bytes(), err
}

// encode returns an entry in one of the forms that raft-boltdb 2.3.1 does not write itself.
func encode(entry *raft.Log, form string) ([]byte, error) {
	five := fiveKeys{entry.Index, entry.Term, entry.Type, entry.Data, entry.Extensions}
	switch form {
	case "four-keys":
		return pack(fourKeys{entry.Index, entry.Term, entry.Type, entry.Data}, handle(true, false))
	case "five-keys":
		return pack(five, handle(true, false))
	case "old-time":
		return pack(entry, handle(false, false))
	case "new-spec": // Data and Extensions as bin
		return pack(five, handle(true, true))
	case "every":
		forms := []string{"four-keys", "five-keys", "old-time", ""}
		return encode(entry, forms[entry.Index%uint64(len(forms))])
	case "wrong-index":
		moved := *entry
		moved.Index++
		return pack(moved, handle(true, false))
	case "unknown-key":
		return pack(unknownKey{five, []byte("10.0.0.1:4647")}, handle(true, false))
	case "text-index":
		return pack(textIndex{"7", entry.Term, entry.Type, entry.Data}, handle(true, false))
	case "trailing-byte":
		value, err := pack(entry, handle(true, false))
		return append(value, 0), err
	case "cut-short":
		value, err := pack(entry, handle(true, false))
		return value[:len(value)-1], err
	}
	return pack(entry, handle(true, false))
}

func key(index uint64) []byte {
	return binary.BigEndian.AppendUint64(nil, index)
}
