# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a conversion of a store that is in use would have to move, from what is known without reading it. Pure.

Its pages change while they are read, so none is. The agent knows how many of them are free, and its last index.
"""

from __future__ import annotations

from typing import NamedTuple, Optional

TRAILING_LOGS = 10240  # entries that Raft keeps before a snapshot (raft config.go, TrailingLogs), Nomad's default too
PAGE_FILL = 0.5  # bbolt splits pages in half, and log entries are only ever put at the end (node.go, splitIndex)
PAGE_LEN = 4096


class Shape(NamedTuple):
    """The entries of a log, the bytes of their data, and those of the pages or segments that they lie in."""

    entries: int
    data_bytes: int
    live_bytes: int

    @property
    def entry_bytes(self) -> int:
        """The mean length of an entry."""
        return self.data_bytes // self.entries if self.entries else 0


def entries(last_index: int, snapshot_index: int) -> int:
    """How many entries there are at most: those since the last snapshot, and those kept before it."""
    return max(0, last_index - max(0, snapshot_index - TRAILING_LOGS))


def converted(data_bytes: int, count: int) -> int:
    """The bytes of data that a roll converts.

    Before a server's stop it has it save a snapshot, after which Raft keeps the last entries only (raft snapshot.go).
    """
    return data_bytes * TRAILING_LOGS // count if count > TRAILING_LOGS else data_bytes


def boltdb(written: int, free_bytes: Optional[int], count: int) -> Shape:
    """Of a raft.db of which so many bytes were ever written: it grows by 16 MB at a time, and the rest is a hole.

    Where the agent does not say how many bytes its free pages have, all of it counts.
    """
    live = max(0, written - (free_bytes or 0))
    share = live // count if count else 0
    return Shape(count, int(live * PAGE_FILL) if share < PAGE_LEN else live, live)


def wal(size: int, segment_len: int, count: int, entry_bytes: Optional[float]) -> Shape:
    """Of a WAL whose files have this length; the last segment is as long as it will get, however full it is.

    `entry_bytes` is the mean length of those that are written now, None where none is.
    """
    half = size // 2 if size <= segment_len else size - segment_len // 2
    data = min(size, int(count * entry_bytes)) if entry_bytes else half
    return Shape(count, data, data)
