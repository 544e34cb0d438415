# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wal/ that we wrote, in the hands of raft-wal: read, appended to, rotated, truncated, and read by us again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import PYTHONPATH
from support.stores import judge, ours, shapes

SEGMENT_LEN = 64 << 10  # small, so that most shapes fill several segments


@pytest.mark.parametrize("name", [*shapes.BOLTDB, *shapes.RECORDED_BOLTDB])
def test_raft_wal_goes_on_with_a_converted_store(name: str, tmp_path: Path) -> None:
    source = shapes.raft_db(name, tmp_path)
    holes = judge.judge("digest", source)["holes"]
    expected = judge.digest(source, holes[-1][1] + 1 if holes else 0)
    wal = tmp_path / "wal"
    assert ours.convert_tail(source, wal, SEGMENT_LEN) == expected.entries
    assert ours.digest(wal) == expected
    assert judge.digest(wal) == expected
    judge.judge("check", wal)
    live_on(wal, expected)


@pytest.mark.parametrize("name", ["every-form", "exponential", "old-times-in-zones", "never-voted", "nomad-follower"])
def test_what_raft_boltdb_makes_of_a_converted_store_is_the_first_store(name: str, tmp_path: Path) -> None:
    source = shapes.raft_db(name, tmp_path)
    ours.convert_tail(source, tmp_path / "wal", SEGMENT_LEN)
    judge.judge("to-boltdb", "-batch", 1 << 20, tmp_path / "wal", tmp_path / "back.db")
    assert ours.digest(tmp_path / "back.db") == judge.digest(source)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_number_of_workers_does_not_change_what_is_stored(workers: int, tmp_path: Path) -> None:
    source = tmp_path / "raft.db"
    judge.judge("gen", "-shape=exponential", "-count=30000", "-batch=3000", source)
    expected = judge.digest(source)
    # In a process of its own: workers are forked, and the process that runs the tests has threads.
    code = "import sys; from pathlib import Path; from support.stores import ours; "
    code += "print(ours.convert_tail(Path(sys.argv[1]), Path(sys.argv[2]), 4 << 20, int(sys.argv[3])))"
    line = [sys.executable, "-c", code, str(source), str(tmp_path / "wal"), str(workers)]
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(expected.entries)]
    assert judge.digest(tmp_path / "wal") == expected
    assert judge.judge("check", tmp_path / "wal")["sealed_segments"] > 6


@pytest.mark.parametrize("byte", [8, 40, 45, 3000, -1])
def test_our_checksum_is_the_one_that_raft_wal_computes_over_all_of_a_segment(byte: int, tmp_path: Path) -> None:
    source = shapes.raft_db("plain", tmp_path)
    ours.convert_tail(source, tmp_path / "wal", SEGMENT_LEN)
    assert judge.judge("check", tmp_path / "wal")["sealed_segments"] >= 2
    oldest = min((tmp_path / "wal").glob("*.wal"))
    data = bytearray(oldest.read_bytes())
    data[byte] ^= 1
    oldest.write_bytes(data)
    with pytest.raises(judge.Refusal, match=oldest.name):
        judge.judge("check", tmp_path / "wal")


def live_on(wal: Path, start: judge.Content) -> None:
    """What a server does with its log: it appends until segments rotate, compacts, and drops a conflicting tail."""
    first, last = start.first_index or 1, start.last_index
    segments = len(list(wal.glob("*.wal")))
    grown = judge.append(wal, count=300, size="0..900", segment=16384)
    assert grown.entries == start.entries + 300
    made = len(list(wal.glob("*.wal"))) - segments
    assert 4 <= made <= 6, "the tail's own limit holds until it is full, then 16 KiB each"
    assert ours.digest(wal) == grown
    compacted = judge.truncate(wal, head=first + (grown.entries * 2) // 3)
    assert ours.digest(wal) == compacted
    cut = judge.truncate(wal, tail=last + 250, segment=16384)
    assert (cut.first_index, cut.last_index) == (compacted.first_index, last + 249)
    assert ours.digest(wal) == cut
    again = judge.append(wal, count=40, size=2000, segment=16384)
    assert ours.digest(wal) == again
    judge.judge("check", wal)
