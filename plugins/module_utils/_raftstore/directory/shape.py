# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which entries of a log a WAL may hold, given the snapshots beside it. Pure.

A WAL takes only last + 1 and has no holes, and Raft goes on at S + 1, where S is the newest snapshot that it opens. So
the tail after the last hole is kept if it begins at S + 1 or before; otherwise Raft would panic when it starts. A log
that ends below S is written as an empty one: copied as it is, the server could start and vote, but never append again.
"""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from ..._disk.errors import LOOK_AGAIN, REJOIN, IndexGap, StoreError
from ..base.store import Extent
from .evidence import Snapshot


class Shape(NamedTuple):
    """`kept` extents are contiguous; there may be none. `snapshot` replaces `dropped_entries`, if there are any."""

    kept: Sequence[Extent]
    dropped_entries: int
    snapshot: Optional[Snapshot]


def holes(extents: Sequence[Extent]) -> List[Tuple[int, int]]:
    """The ranges (first, last) of indexes that are missing between two extents."""
    return [
        (before.last_index + 1, after.first_index - 1)
        for before, after in zip(extents, extents[1:])
        if after.first_index != before.last_index + 1
    ]


def choose(
    extents: Sequence[Extent], snapshots: Sequence[Snapshot], check: Callable[[Snapshot], None], path: str
) -> Shape:
    """The entries to write. `snapshots` are newest first; `check` reads one in full and raises StoreError if it is
    bad.

    A snapshot is only checked when entries would be dropped because of it; a bad one is passed over, as Raft does.
    Raises IndexGap if the rest would not follow on from any snapshot.
    """
    reason = ""
    for snapshot in snapshots:
        kept = _kept(extents, snapshot.index, path, reason)
        dropped = _count(extents) - _count(kept)
        if not dropped:
            return Shape(kept, 0, None)
        try:
            check(snapshot)
        except StoreError as error:
            reason = f" ({error})"
            continue
        return Shape(kept, dropped, snapshot)
    return Shape(_kept(extents, 0, path, reason), 0, None)


def _kept(extents: Sequence[Extent], snapshot_index: int, path: str, reason: str) -> Sequence[Extent]:
    if not extents or extents[-1].last_index < snapshot_index:
        return []
    tail = len(extents) - 1
    while tail and extents[tail - 1].last_index + 1 == extents[tail].first_index:
        tail -= 1
    first_index = extents[tail].first_index
    if first_index <= snapshot_index + 1:
        return extents[tail:]
    covered = f"the newest snapshot ends at {snapshot_index}" if snapshot_index else "there is no usable snapshot"
    raise IndexGap(
        f"the log's last part without a hole begins at index {first_index}, but {covered}{reason}",
        path,
        hint=f"First {LOOK_AGAIN}, restore the missing snapshot, or {REJOIN}.",
    )


def _count(extents: Sequence[Extent]) -> int:
    return sum(extent.entry_count for extent in extents)
