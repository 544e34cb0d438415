// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

// A shape is one way in which a raft.db can look. The zero value of every field is what Nomad 2.0.5 does by default.
type shape struct {
	Name    string
	Refused string // why a reader has to refuse it; empty for the legal ones
	entrySpec
	Form           string // see encode; not empty means written with bbolt itself, else with raft-boltdb
	Batch          int    // entries per transaction; 0 means 64
	PageSize       int    // 0 means the machine's
	NoFreelistSync bool
	Fill           float64     // how full bbolt makes a page when it splits it; 0 means bbolt's own half
	Sequence       uint64      // the sequence number of the bucket logs
	Version1       bool        // written by boltdb/bolt, the ancestor of bbolt
	Skip           [][2]uint64 // indexes never written, as after a snapshot was restored or installed
	Delete         [][2]uint64 // indexes deleted in the end
	Churn          int         // how often the first quarter is deleted and as much appended
	Stable         string      // see stableValues
	Extra          string      // a bucket or key that does not belong there
	Finish         string      // see finish
}

const everything = ^uint64(0)

var shapes = []shape{
	{Name: "plain", entrySpec: entrySpec{Count: 600, Size: "200"}},
	{Name: "one-entry", entrySpec: entrySpec{Count: 1, Size: "40"}},
	{Name: "inline-logs", entrySpec: entrySpec{Count: 5, Size: "30"}},
	{Name: "inline-logs-in-large-page", entrySpec: entrySpec{Count: 50, Size: "200"}, PageSize: 65536},
	{Name: "exponential", entrySpec: entrySpec{Count: 1500, Size: "~940"}},
	{Name: "small-entries", entrySpec: entrySpec{Count: 6000, Size: "0..40"}, Batch: 500},
	{Name: "edge-sizes", entrySpec: entrySpec{Count: 62, Size: "edges", Extensions: true}},
	{Name: "big-entries", entrySpec: entrySpec{Count: 12, Size: "300000..900000"}, Batch: 2},
	{Name: "entry-of-64-mib", entrySpec: entrySpec{Count: 1, Size: "67108800"}},
	{Name: "page-1024", entrySpec: entrySpec{Count: 900, Size: "~300"}, PageSize: 1024},
	{Name: "page-2048", entrySpec: entrySpec{Count: 900, Size: "~300"}, PageSize: 2048},
	{Name: "page-8192", entrySpec: entrySpec{Count: 900, Size: "~900"}, PageSize: 8192},
	{Name: "page-16384", entrySpec: entrySpec{Count: 900, Size: "~900"}, PageSize: 16384},
	{Name: "page-32768", entrySpec: entrySpec{Count: 900, Size: "~900"}, PageSize: 32768},
	{Name: "page-65536", entrySpec: entrySpec{Count: 900, Size: "~900"}, PageSize: 65536},
	{Name: "page-131072", entrySpec: entrySpec{Count: 900, Size: "~900"}, PageSize: 131072},
	{Name: "page-1048576", entrySpec: entrySpec{Count: 300, Size: "~900"}, PageSize: 1048576},
	{Name: "overflow-1024", entrySpec: entrySpec{Count: 200, Size: "900..9000"}, PageSize: 1024},
	{Name: "overflow-4096", entrySpec: entrySpec{Count: 300, Size: "3000..20000"}},
	{Name: "four-levels", entrySpec: entrySpec{Count: 9000, Size: "60"}, PageSize: 1024, Batch: 300},
	{Name: "full-pages", entrySpec: entrySpec{Count: 900, Size: "200"}, Form: "new-time", Fill: 1},
	{Name: "nearly-empty-pages", entrySpec: entrySpec{Count: 900, Size: "200"}, Form: "new-time", Fill: 0.1},
	{Name: "freelist-not-synced", entrySpec: entrySpec{Count: 600, Size: "200"}, NoFreelistSync: true, Churn: 3},
	{Name: "freelist-overflows", entrySpec: entrySpec{Count: 6000, Size: "300"}, PageSize: 1024, Batch: 2000,
		Delete: [][2]uint64{{1, 5950}}},
	{Name: "freelist-above-65535", entrySpec: entrySpec{Count: 7, Size: "12000000"}, PageSize: 1024, Batch: 1,
		Delete: [][2]uint64{{1, 6}}},
	{Name: "churned", entrySpec: entrySpec{Count: 800, Size: "0..3000"}, Churn: 6},
	{Name: "one-transaction-each", entrySpec: entrySpec{Count: 150, Size: "200"}, Batch: 1},
	{Name: "head-deleted", entrySpec: entrySpec{Count: 900, Size: "300"}, Delete: [][2]uint64{{1, 700}}},
	{Name: "tail-deleted", entrySpec: entrySpec{Count: 900, Size: "300"}, Delete: [][2]uint64{{500, 900}}},
	{Name: "all-deleted", entrySpec: entrySpec{Count: 900, Size: "300"}, Delete: [][2]uint64{{1, 900}}},
	{Name: "empty-log"},
	{Name: "nothing-at-all", Stable: "none"},
	{Name: "sequence", entrySpec: entrySpec{Count: 300, Size: "200"}, Form: "new-time", Sequence: 4711},
	{Name: "bolt-version-1", entrySpec: entrySpec{Count: 600, Size: "~500"}, Form: "every", Version1: true},
	{Name: "four-keys", entrySpec: entrySpec{Count: 300, Size: "200", AllTypes: true}, Form: "four-keys"},
	{Name: "five-keys", entrySpec: entrySpec{Count: 300, Size: "200", Extensions: true}, Form: "five-keys"},
	{Name: "old-times", entrySpec: entrySpec{Count: 300, Size: "200"}, Form: "old-time"},
	{Name: "old-times-in-zones", entrySpec: entrySpec{Count: 300, Size: "200", Times: "zones"}, Form: "old-time"},
	{Name: "old-times-zero", entrySpec: entrySpec{Count: 60, Size: "200", Times: "zero"}, Form: "old-time"},
	{Name: "old-times-edges", entrySpec: entrySpec{Count: 68, Size: "20", Times: "edges"}, Form: "old-time"},
	{Name: "times-zero", entrySpec: entrySpec{Count: 300, Size: "200", Times: "zero"}},
	{Name: "times-of-4-bytes", entrySpec: entrySpec{Count: 300, Size: "200", Times: "seconds"}},
	{Name: "times-edges", entrySpec: entrySpec{Count: 68, Size: "20", Times: "edges"}},
	{Name: "every-form", entrySpec: entrySpec{Count: 600, Size: "~300", AllTypes: true, Extensions: true}, Form: "every"},
	{Name: "new-spec-msgpack", entrySpec: entrySpec{Count: 300, Size: "edges", Extensions: true}, Form: "new-spec"},
	{Name: "nil-data", entrySpec: entrySpec{Count: 300, Size: "nil"}},
	{Name: "nil-and-empty-data", entrySpec: entrySpec{Count: 300, Size: "nil-or-empty"}},
	{Name: "extensions", entrySpec: entrySpec{Count: 300, Size: "0..200", Extensions: true}},
	{Name: "all-types", entrySpec: entrySpec{Count: 300, Size: "0..200", AllTypes: true}},
	{Name: "large-index", entrySpec: entrySpec{Count: 300, Size: "100", First: 1<<63 - 100}},
	{Name: "index-above-32-bits", entrySpec: entrySpec{Count: 300, Size: "100", First: 1<<32 - 100}},
	{Name: "large-term", entrySpec: entrySpec{Count: 300, Size: "100", Term: 1<<63 - 3}, Stable: "large"},
	{Name: "never-voted", entrySpec: entrySpec{Count: 300, Size: "200"}, Stable: "never-voted"},
	{Name: "no-stable-keys", entrySpec: entrySpec{Count: 300, Size: "200"}, Stable: "none"},
	{Name: "empty-candidate", entrySpec: entrySpec{Count: 30, Size: "200"}, Stable: "empty-candidate"},
	{Name: "long-candidate", entrySpec: entrySpec{Count: 30, Size: "200"}, Stable: "long-candidate"},
	{Name: "hole", entrySpec: entrySpec{Count: 600, Size: "200"}, Skip: [][2]uint64{{170, 170}}},
	{Name: "wide-hole", entrySpec: entrySpec{Count: 600, Size: "200"}, Skip: [][2]uint64{{129, 400}}},
	{Name: "holes", entrySpec: entrySpec{Count: 600, Size: "200"}, Skip: [][2]uint64{{2, 2}, {100, 350}, {599, 599}}},
	{Name: "hole-on-page-edges", entrySpec: entrySpec{Count: 600, Size: "200"}, Delete: [][2]uint64{{100, 400}}},
	{Name: "exact-size", entrySpec: entrySpec{Count: 600, Size: "200"}, Finish: "exact-size"},
	{Name: "longer-file", entrySpec: entrySpec{Count: 600, Size: "200"}, Finish: "longer-file"},
	{Name: "garbage-after-high-water", entrySpec: entrySpec{Count: 600, Size: "200"}, Finish: "garbage"},
	{Name: "newest-meta-torn", entrySpec: entrySpec{Count: 600, Size: "200"}, Finish: "newest-meta-torn"},
	{Name: "meta-0-torn", entrySpec: entrySpec{Count: 600, Size: "200"}, PageSize: 16384, Finish: "meta-0-torn"},
	{Name: "meta-1-torn", entrySpec: entrySpec{Count: 600, Size: "200"}, PageSize: 1024, Finish: "meta-1-torn"},

	{Name: "refused-wrong-index", Refused: "an entry's index is not its key",
		entrySpec: entrySpec{Count: 9, Size: "50"}, Form: "wrong-index"},
	{Name: "refused-unknown-key", Refused: "an entry has a key that raft does not know",
		entrySpec: entrySpec{Count: 9, Size: "50"}, Form: "unknown-key"},
	{Name: "refused-text-index", Refused: "an index is text",
		entrySpec: entrySpec{Count: 9, Size: "50"}, Form: "text-index"},
	{Name: "refused-trailing-byte", Refused: "a byte follows an entry",
		entrySpec: entrySpec{Count: 9, Size: "50"}, Form: "trailing-byte"},
	{Name: "refused-cut-short", Refused: "an entry ends early",
		entrySpec: entrySpec{Count: 9, Size: "50"}, Form: "cut-short"},
	{Name: "refused-entry-above-64-mib", Refused: "raft-wal would store the entry, but never read it again",
		entrySpec: entrySpec{Count: 1, Size: "67108864"}},
	{Name: "refused-stable-key", Refused: "an unknown stable key has no known byte order",
		entrySpec: entrySpec{Count: 9, Size: "50"}, Extra: "stable-key"},
	{Name: "refused-short-term", Refused: "a term has four bytes",
		entrySpec: entrySpec{Count: 9, Size: "50"}, Extra: "short-term"},
	{Name: "refused-short-log-key", Refused: "a key of the log has seven bytes",
		entrySpec: entrySpec{Count: 9, Size: "50"}, Extra: "short-log-key"},
	{Name: "refused-nested-bucket", Refused: "a bucket lies inside the log",
		entrySpec: entrySpec{Count: 9, Size: "50"}, Extra: "nested-bucket"},
	{Name: "refused-no-logs", Refused: "there is no bucket logs", Extra: "no-logs"},
	{Name: "refused-both-metas-torn", Refused: "no meta page is valid",
		entrySpec: entrySpec{Count: 60, Size: "200"}, Finish: "both-metas-torn"},
	{Name: "refused-half-a-file", Refused: "the file ends before its pages do",
		entrySpec: entrySpec{Count: 600, Size: "200"}, Finish: "half-a-file"},
}

type keyValue struct{ key, value []byte }

// stableValues returns the stable keys in the order in which raft writes them; both terms are the last entry's.
func stableValues(kind string, term uint64) []keyValue {
	values := []keyValue{{keyTerm, key(term)}, {keyVoteTerm, key(term)}, {keyCandidate, []byte("10.0.0.1:4647")}}
	switch kind {
	case "none":
		return nil
	case "never-voted":
		return values[:1]
	case "large":
		values[0].value = key(everything)
		values[1].value = key(everything - 255)
	case "empty-candidate":
		values[2].value = []byte{}
	case "long-candidate":
		values[2].value = []byte("[fe80:0000:0000:0000:0202:b3ff:fe1e:8329%ens192]:64647 in a room with no number")
	}
	return values
}
