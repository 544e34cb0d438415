# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged stores that once were findings, kept as files; their large parts are made here.

Findings that are a few bytes are with the tests of what reads them: test_snapshots.py (meta.json), boltdb/test_log.py
(a bucket's root), test_segmentreader.py (tails), test_journal.py (the vote).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from support.hostile import run as hostile_run
from support.hostile.corpus import META
from support.hostile.damage import Damaged
from support.hostile.place import Place, read
from support.paths import HOSTILE

TAIL = "wal/00000000000000000001-0000000000000000.wal"
EMPTY_ENTRY = b"\x01" + bytes(7)
COMMIT_BYTES = b"\x03" * 8
Grow = Callable[[bytes], tuple[bytes, int]]  # the tail and the length of the file that it is in

FOUND: dict[str, Grow] = {
    "nothing, 2 GiB of which took 7 s": lambda tail: (tail, 512 << 20),
    "64 MiB of empty entries, 50 s": lambda tail: (tail + EMPTY_ENTRY * (8 << 20), 0),
    "64 MiB of the first byte of a commit, 35 s": lambda tail: (tail + COMMIT_BYTES * (8 << 20), 0),
}


@pytest.fixture(autouse=True)
def small_units() -> None:
    """The product's own sizes."""


@pytest.mark.parametrize("name", FOUND)
def test_what_stands_behind_a_torn_frame_is_not_searched_for_long(name: str, tmp_path: Path) -> None:
    torn = HOSTILE / "torn-frame"
    data = (torn / TAIL).read_bytes()
    tail, length = FOUND[name](data + bytes(-len(data) % 8))
    place = Place(tmp_path)
    place.put(Damaged({META: (torn / META).read_bytes(), TAIL: tail}, "", {TAIL: length}))
    started = time.process_time()
    try:
        read(place, META)
    except StoreError as error:
        assert str(error).startswith(error.path)
    assert time.process_time() - started < hostile_run.TIME_LIMIT_S / 2
