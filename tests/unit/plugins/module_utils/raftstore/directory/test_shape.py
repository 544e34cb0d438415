# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of the log against the newest snapshot: what is kept, what is dropped, what is refused."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, IndexGap
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Extent
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.evidence import Snapshot
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.shape import choose, holes


def extents(*runs: Tuple[int, int]) -> List[Extent]:
    return [Extent(first, last - first + 1, 10, None) for first, last in runs]


def snapshot(index: int) -> Snapshot:
    return Snapshot(f"3-{index}-1", index, 3, 5, 0)


def good(_snapshot: Snapshot) -> None:
    pass


def bad(_snapshot: Snapshot) -> None:
    raise Corrupt("the snapshot's checksum is wrong", "/x/state.bin")


@pytest.mark.parametrize(
    ("runs", "indexes", "kept", "dropped"),
    [
        ([], [], [], 0),
        ([], [7], [], 0),
        ([(1, 4), (5, 9)], [], [(1, 4), (5, 9)], 0),
        ([(1, 9)], [9], [(1, 9)], 0),
        ([(1, 9)], [10], [], 9),
        ([(5, 9)], [4], [(5, 9)], 0),
        ([(1, 3), (5, 9)], [4], [(5, 9)], 3),
        ([(1, 3), (5, 6), (7, 9)], [6], [(5, 6), (7, 9)], 3),
        ([(1, 3), (5, 9)], [10], [], 8),
        ([(1, 3), (5, 6), (8, 9)], [8, 2], [(8, 9)], 5),
    ],
)
def test_kept_and_dropped(
    runs: List[Tuple[int, int]], indexes: List[int], kept: List[Tuple[int, int]], dropped: int
) -> None:
    shape = choose(extents(*runs), [snapshot(index) for index in indexes], good, "raft.db")
    assert [(extent.first_index, extent.last_index) for extent in shape.kept] == kept
    assert shape.dropped_entries == dropped
    assert (shape.snapshot is not None) == bool(dropped)


@pytest.mark.parametrize(
    ("runs", "indexes"), [([(2, 9)], []), ([(6, 9)], [4]), ([(1, 3), (6, 9)], [4]), ([(1, 3), (5, 6), (8, 9)], [5, 4])]
)
def test_what_raft_could_not_start_on_is_refused(runs: List[Tuple[int, int]], indexes: List[int]) -> None:
    with pytest.raises(IndexGap) as caught:
        choose(extents(*runs), [snapshot(index) for index in indexes], good, "/x/raft.db")
    assert caught.value.path == "/x/raft.db" and caught.value.hint
    assert str(runs[-1][0]) in caught.value.what


def test_a_bad_snapshot_is_only_read_when_it_matters() -> None:
    assert len(choose(extents((1, 9)), [snapshot(5)], bad, "x").kept) == 1
    with pytest.raises(IndexGap, match="checksum"):
        choose(extents((1, 3), (5, 9)), [snapshot(6)], bad, "x")


def test_the_next_snapshot_counts_when_the_newest_is_bad() -> None:
    def only_the_second(candidate: Snapshot) -> None:
        if candidate.index == 20:
            bad(candidate)

    shape = choose(extents((1, 3), (5, 9)), [snapshot(20), snapshot(6)], only_the_second, "x")
    assert shape.snapshot is not None and shape.snapshot.index == 6
    assert shape.dropped_entries == 3, "with the bad one all nine would have been dropped"


def test_holes() -> None:
    assert holes(extents((1, 3), (5, 6), (7, 9), (20, 21))) == [(4, 4), (10, 19)]
    assert holes([]) == []
