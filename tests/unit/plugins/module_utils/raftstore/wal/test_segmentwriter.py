# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Written segments are byte for byte what raft-wal's format says; what could not be read is never written."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import IndexGap, Refused
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Batch, Rows
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal import segment
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.segment import MAX_ENTRY_LEN, Header
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.segmentwriter import SegmentWriter
from support.stores.segments import Built, payloads


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_written_segments_are_frames_index_and_one_commit(tmp_path: Path, count: int) -> None:
    items = payloads(170, [17 * number % 61 for number in range(count)])
    directory = Directory.open(str(tmp_path))
    new = directory.create("x")
    writer = SegmentWriter(new, Header(170, 3))
    writer.append(Batch(170, items[:1]))
    writer.append(Batch(171, items[1:]))
    wanted_len = writer.sealed_len()
    index_start = writer.seal()
    built = Built(170, 3).entries(items).index().commit()
    assert (tmp_path / "x").read_bytes() == built.raw
    assert (index_start, wanted_len, new.length) == (built.index_start, len(built.raw), len(built.raw))


def test_a_hole_is_never_written(tmp_path: Path) -> None:
    writer = SegmentWriter(Directory.open(str(tmp_path)).create("x"), Header(1, 1))
    writer.append(Batch(1, [b"a"]))
    with pytest.raises(IndexGap, match="entry 3 follows entry 1"):
        writer.append(Batch(3, [b"a"]))


def test_an_entry_that_raft_wal_could_not_read_is_never_written(tmp_path: Path) -> None:
    writer = SegmentWriter(Directory.open(str(tmp_path)).create("x"), Header(1, 1))
    with pytest.raises(Refused, match="67108865 bytes"):
        writer.append(Batch(1, [bytes(MAX_ENTRY_LEN + 1)]))


@pytest.mark.parametrize("length", [5, 8, 200])
def test_rows_are_written_as_entries_one_by_one(tmp_path: Path, length: int) -> None:
    """Rows bring their frames along; before and after them come entries of other lengths."""
    items = [b"abc", *[bytes((n & 255,)) * length for n in range(9000)], bytes(7)]
    framed = b"".join(segment.FRAME_HEADER.pack(1, length) + item + bytes(-length & 7) for item in items[1:-1])
    new = Directory.open(str(tmp_path)).create("x")
    writer = SegmentWriter(new, Header(1, 1))
    writer.append(Batch(1, items[:1]))
    writer.append(Rows(2, 9000, framed, 8, segment.frame_len(length), length))
    with pytest.raises(IndexGap, match="entry 9003 follows entry 9001"):
        writer.append(Rows(9003, 9000, framed, 8, segment.frame_len(length), length))
    writer.append(Batch(9002, items[-1:]))
    writer.seal()
    assert (tmp_path / "x").read_bytes() == Built(1, 1).entries(items).index().commit().raw
