# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wal/ that we wrote, in the hands of raft-wal: read, appended to, rotated, truncated, and read by us again."""

from __future__ import annotations

from pathlib import Path

import pytest
from interop import judge, ours, stores

SEGMENT_LEN = 64 << 10  # small, so that most shapes fill several segments


@pytest.mark.parametrize("name", [*stores.BOLTDB, *stores.RECORDED_BOLTDB])
def test_raft_wal_goes_on_with_a_converted_store(name: str, tmp_path: Path) -> None:
    source = stores.raft_db(name, tmp_path)
    holes = judge.judge("digest", source)["holes"]
    expected = judge.digest(source, holes[-1][1] + 1 if holes else None)
    wal = tmp_path / "wal"
    assert ours.convert_tail(source, wal, SEGMENT_LEN) == expected.entries
    assert ours.digest(wal) == expected
    assert judge.digest(wal) == expected
    judge.judge("check", wal / "wal-meta.db")
    live_on(wal, expected)


def live_on(wal: Path, start: judge.Verdict) -> None:
    """What a server does with its log: it appends until segments rotate, compacts, and drops a conflicting tail."""
    first, last = start.first_index or 1, start.last_index
    segments = len(list(wal.glob("*.wal")))
    grown = judge.append(wal, count=300, size="0..900", segment=16384)
    assert grown.entries == start.entries + 300
    assert len(list(wal.glob("*.wal"))) > segments
    assert ours.digest(wal) == grown
    compacted = judge.truncate(wal, head=first + (grown.entries * 2) // 3)
    assert ours.digest(wal) == compacted
    cut = judge.truncate(wal, tail=last + 250, segment=16384)
    assert (cut.first_index, cut.last_index) == (compacted.first_index, last + 249)
    assert ours.digest(wal) == cut
    again = judge.append(wal, count=40, size=2000, segment=16384)
    assert ours.digest(wal) == again
    judge.judge("check", wal / "wal-meta.db")
