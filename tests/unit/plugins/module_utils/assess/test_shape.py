# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much there is to convert, without reading it."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._assess import shape

MIB = 1 << 20


@pytest.mark.parametrize(
    ("last", "snapshot", "count"), [(663, 0, 663), (663, -1, 663), (50_000, 45_000, 15_240), (-1, -1, 0)]
)
def test_entries_are_those_since_the_last_snapshot_and_those_kept(last: int, snapshot: int, count: int) -> None:
    assert shape.entries(last, snapshot) == count


def test_pages_of_small_entries_are_half_full_and_those_of_large_ones_are_not() -> None:
    small, large = shape.boltdb(100 * MIB, 20 * MIB, 100_000), shape.boltdb(100 * MIB, 20 * MIB, 1000)
    assert (small.live_bytes, small.data_bytes) == (80 * MIB, 40 * MIB)
    assert large.data_bytes == 80 * MIB and large.entry_bytes == 80 * MIB // 1000


def test_an_empty_log_has_entries_of_no_length() -> None:
    assert shape.boltdb(65536, None, 0).entry_bytes == 0


def test_the_last_segment_of_a_wal_does_not_count_as_full() -> None:
    assert shape.wal(64 * MIB, 64 * MIB, 1000, 300.0).data_bytes == 300_000
    assert shape.wal(64 * MIB, 64 * MIB, 1000, None).data_bytes == 32 * MIB


def test_what_the_snapshot_of_a_roll_leaves_is_converted() -> None:
    assert shape.converted(1000, 10_240) == 1000 and shape.converted(0, 0) == 0
    assert shape.converted(25_000 * 40, 25_000) == 10_240 * 40
