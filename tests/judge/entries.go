// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// entrySpec says what the entries of a generated log look like. Its zero value, with a count, is what Nomad writes.
type entrySpec struct {
	Count      int
	First      uint64 // index of the first entry; 0 means 1
	Term       uint64 // term of the first entry; 0 means 2
	Size       string // bytes of data: "200", "0..4000", "~940" (mean), "edges", "nil", "nil-or-empty"
	Times      string // "" (nanoseconds, UTC), "seconds", "zero", "zones", "edges"
	AllTypes   bool
	Extensions bool
}

// Lengths at which a length prefix or the padding of a WAL frame changes, for msgpack and for varints.
var edgeSizes = []int{
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 30, 31, 32, 33, 127, 128, 129, 254, 255, 256, 257, 4095, 4096, 4097, 16383, 16384,
	16385, 65534, 65535, 65536, 65537,
}

// Instants at which msgpack changes between 4, 8 and 12 bytes, and the ends of what anybody can have stored.
var edgeTimes = []time.Time{
	time.Unix(0, 0), time.Unix(0, 1), time.Unix(1, 0), time.Unix(-1, 0), time.Unix(-1, 999999999),
	time.Unix(math.MaxUint32, 0), time.Unix(math.MaxUint32+1, 0), time.Unix(math.MaxInt32, 999999999),
	time.Unix(1<<34-1, 999999999), time.Unix(1<<34, 0), time.Unix(1<<34, 1), time.Unix(0, math.MaxInt64),
	time.Unix(0, math.MaxInt64).Add(1), time.Time{}.Add(1), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
	time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC), {},
}

// Offsets east of UTC in seconds. Those that are no whole minutes make Go write its 16-byte form.
var zones = []int{0, 3600, -18000, 19800, -12600, 49500, 1172, -17762, 53, 64800, -64800}

type generator struct {
	spec   entrySpec
	bytes  *rand.ChaCha8
	random *rand.Rand
	index  uint64
	term   uint64
	clock  time.Time
	made   int
}

func newGenerator(spec entrySpec, seed uint64) *generator {
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)})
	return &generator{
		spec:   spec,
		bytes:  source,
		random: rand.New(source),
		index:  max(spec.First, 1),
		term:   max(spec.Term, 2),
		clock:  time.Date(2026, 11, 22, 9, 44, 8, 57837356, time.UTC),
	}
}

func (g *generator) next() (*raft.Log, error) {
	data, err := g.data()
	if err != nil {
		return nil, err
	}
	g.clock = g.clock.Add(time.Duration(1 + g.random.Int64N(int64(time.Second))))
	when, err := g.time()
	if err != nil {
		return nil, err
	}
	entry := &raft.Log{Index: g.index, Term: g.term, Type: raft.LogCommand, Data: data, AppendedAt: when}
	if g.spec.AllTypes {
		entry.Type = raft.LogType(g.made % 6)
	}
	if g.spec.Extensions && g.made%3 != 0 {
		entry.Extensions = g.read(g.random.IntN(70))
	}
	if g.random.IntN(50) == 0 && g.term < math.MaxUint64 {
		g.term++
	}
	g.index++
	g.made++
	return entry, nil
}

func (g *generator) batch(count int) ([]*raft.Log, error) {
	entries := make([]*raft.Log, count)
	for i := range entries {
		var err error
		if entries[i], err = g.next(); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

func (g *generator) read(length int) []byte {
	data := make([]byte, length)
	_, _ = g.bytes.Read(data) // never fails
	return data
}

func (g *generator) data() ([]byte, error) {
	size := g.spec.Size
	switch {
	case size == "nil", size == "nil-or-empty" && g.made%2 == 0:
		return nil, nil
	case size == "nil-or-empty":
		return []byte{}, nil
	case size == "edges":
		return g.read(edgeSizes[g.made%len(edgeSizes)]), nil
	case strings.HasPrefix(size, "~"):
		mean, err := strconv.Atoi(size[1:])
		return g.read(int(g.random.ExpFloat64() * float64(mean))), err
	}
	low, high, isRange := strings.Cut(size, "..")
	from, err := strconv.Atoi(low)
	if err != nil || from < 0 {
		return nil, fmt.Errorf("cannot read the size %q", size)
	}
	if !isRange {
		return g.read(from), nil
	}
	to, err := strconv.Atoi(high)
	if err != nil || to < from {
		return nil, fmt.Errorf("cannot read the size %q", size)
	}
	return g.read(from + g.random.IntN(to-from+1)), nil
}

func (g *generator) time() (time.Time, error) {
	switch g.spec.Times {
	case "":
		return g.clock, nil
	case "seconds":
		return g.clock.Truncate(time.Second), nil
	case "zero":
		return time.Time{}, nil
	case "zones":
		return g.clock.In(time.FixedZone("", zones[g.made%len(zones)])), nil
	case "edges":
		return edgeTimes[g.made%len(edgeTimes)].UTC(), nil
	}
	return time.Time{}, fmt.Errorf("unknown times %q", g.spec.Times)
}
