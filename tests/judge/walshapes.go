// Copyright (c) raftops.nomad contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

// A walShape is one way in which a WAL directory can look.
type walShape struct {
	Name    string
	Refused string // as for a shape
	entrySpec
	Batch    int    // entries per append; 0 means 16
	Segment  int    // size limit of a segment in bytes; 0 means 64 KiB
	Sessions int    // how often the WAL is opened to append Count entries; 0 means once
	DropHead uint64 // entries up to this index are truncated afterwards
	DropTail uint64 // entries from this index on are truncated afterwards
	Then     int    // entries appended after that
	Stable   string // see stableValues
	Finish   string // see finishWAL
}

var walShapes = []walShape{
	{Name: "wal-new", Stable: "none"},
	{Name: "wal-empty"},
	{Name: "wal-one-entry", entrySpec: entrySpec{Count: 1, Size: "40"}},
	{Name: "wal-tail-only", entrySpec: entrySpec{Count: 100, Size: "200"}},
	{Name: "wal-sealed-segments", entrySpec: entrySpec{Count: 2000, Size: "200"}},
	{Name: "wal-odd-sizes", entrySpec: entrySpec{Count: 310, Size: "edges", Extensions: true}},
	{Name: "wal-one-append-each", entrySpec: entrySpec{Count: 150, Size: "0..400"}, Batch: 1, Segment: 8192},
	{Name: "wal-large-appends", entrySpec: entrySpec{Count: 3000, Size: "~200"}, Batch: 1000},
	{Name: "wal-entries-above-limit", entrySpec: entrySpec{Count: 20, Size: "100000..300000"}, Batch: 1},
	{Name: "wal-one-entry-per-segment", entrySpec: entrySpec{Count: 40, Size: "9000"}, Batch: 1, Segment: 4096},
	{Name: "wal-first-index-170", entrySpec: entrySpec{Count: 500, Size: "300", First: 170}},
	{Name: "wal-large-index", entrySpec: entrySpec{Count: 500, Size: "300", First: 1<<63 - 100}},
	{Name: "wal-large-term", entrySpec: entrySpec{Count: 100, Size: "300", Term: 1<<63 - 3}, Stable: "large"},
	{Name: "wal-reopened", entrySpec: entrySpec{Count: 900, Size: "~300"}, Sessions: 9},
	{Name: "wal-head-truncated", entrySpec: entrySpec{Count: 2000, Size: "200"}, DropHead: 777, Then: 50},
	{Name: "wal-head-truncated-in-tail", entrySpec: entrySpec{Count: 100, Size: "200"}, DropHead: 40},
	{Name: "wal-tail-truncated", entrySpec: entrySpec{Count: 2000, Size: "200"}, DropTail: 1200},
	{Name: "wal-tail-truncated-in-tail", entrySpec: entrySpec{Count: 100, Size: "200"}, DropTail: 60, Then: 30},
	{Name: "wal-tail-rewritten", entrySpec: entrySpec{Count: 2000, Size: "200"}, DropTail: 1200, Then: 900},
	{Name: "wal-both-truncated", entrySpec: entrySpec{Count: 2000, Size: "200"}, DropHead: 500, DropTail: 1500, Then: 9},
	{Name: "wal-one-segment-both-truncated", entrySpec: entrySpec{Count: 90, Size: "200"}, DropHead: 30, DropTail: 60},
	{Name: "wal-all-truncated", entrySpec: entrySpec{Count: 500, Size: "200"}, DropHead: 500},
	{Name: "wal-all-truncated-then-more", entrySpec: entrySpec{Count: 500, Size: "200"}, DropHead: 500, Then: 70},
	{Name: "wal-never-voted", entrySpec: entrySpec{Count: 100, Size: "200"}, Stable: "never-voted"},
	{Name: "wal-no-stable-keys", entrySpec: entrySpec{Count: 100, Size: "200"}, Stable: "none"},
	{Name: "wal-empty-candidate", entrySpec: entrySpec{Count: 100, Size: "200"}, Stable: "empty-candidate"},
	{Name: "wal-zones", entrySpec: entrySpec{Count: 100, Size: "50", Times: "zones"}},
	{Name: "wal-times-zero", entrySpec: entrySpec{Count: 100, Size: "50", Times: "zero"}},
	{Name: "wal-times-edges", entrySpec: entrySpec{Count: 68, Size: "50", Times: "edges"}},
	{Name: "wal-all-types", entrySpec: entrySpec{Count: 100, Size: "nil-or-empty", AllTypes: true, Extensions: true}},
	{Name: "wal-torn-append", entrySpec: entrySpec{Count: 300, Size: "200"}, Finish: "torn-append"},
	{Name: "wal-torn-first-append", Finish: "torn-append"},
	{Name: "wal-seal-not-recorded", entrySpec: entrySpec{Count: 300, Size: "200"}, Finish: "seal-not-recorded"},
	{Name: "wal-tail-file-missing", entrySpec: entrySpec{Count: 300, Size: "200"}, Finish: "tail-file-missing"},
	{Name: "wal-tail-header-torn", entrySpec: entrySpec{Count: 300, Size: "200"}, Finish: "tail-header-torn"},
	{Name: "wal-tail-file-empty", entrySpec: entrySpec{Count: 300, Size: "200"}, Finish: "tail-file-empty"},
	{Name: "wal-stray-segment", entrySpec: entrySpec{Count: 300, Size: "200"}, Finish: "stray-segment"},
	{Name: "wal-all-truncated-unfinished", entrySpec: entrySpec{Count: 1000, Size: "200"}, Finish: "all-truncated-unfinished"},
	{Name: "wal-tail-truncated-unfinished", entrySpec: entrySpec{Count: 1000, Size: "200"}, Finish: "tail-truncated-unfinished"},
	{Name: "wal-other-segment-size", entrySpec: entrySpec{Count: 500, Size: "200"}, Finish: "other-segment-size"},

	{Name: "wal-refused-newer-segment", Refused: "wal-meta.db is older than a segment, which raft-wal would delete",
		entrySpec: entrySpec{Count: 300, Size: "200"}, Finish: "newer-segment"},
	{Name: "wal-refused-segment-name", Refused: "a name ends in .wal and is no segment's",
		entrySpec: entrySpec{Count: 300, Size: "200"}, Finish: "segment-name"},
}
