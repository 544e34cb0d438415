# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversions of small stores that are made for it, on this disk, by this Python, with the code that a roll runs.

The server beside them may be the leader, so they have the lowest priority: what it wants to run runs first. They use
all cores that are idle, as a roll does whose server is stopped.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import replace
from typing import Callable, Iterator, List, NamedTuple

from .._disk.durable import Directory
from .._disk.segmentsize import DEFAULT_SEGMENT_MIB
from .._raftstore.base.names import RAFT_DB
from .._raftstore.base.store import WAL, Batch, Part, Stable
from .._raftstore.boltdb.writer import BoltStoreWriter
from .._raftstore.conversion.outcome import Outcome
from .._raftstore.conversion.request import Request
from .._raftstore.entries.entry import Entry, encode_msgpack
from .._raftstore.entries.gotime import GoTime
from .._raftstore.migrate import migrate
from .._raftstore.rehearsal.priority import lowered
from .._raftstore.rehearsal.scratch import clear

SMALL, LARGE = 2 << 20, 128 << 20  # bytes of data; the difference of the two is what a byte takes
ENTRY_MIN, ENTRY_MAX = 256, 1 << 20
ENTRIES_MAX = 100_000  # to make more would take longer than to convert them
REPEATS = 3
BATCH = 256
FOLDER = "raft"


class Run(NamedTuple):
    """One conversion: the bytes of all data, the entries, and the seconds from the first look to the end."""

    data_bytes: int
    entries: int
    seconds: float


def needs(data_bytes: int) -> int:
    """Bytes that a trial for a log of so many bytes has on the disk at most: two stores, and the segment to come."""
    return 2 * min(max(data_bytes, SMALL), LARGE) + 2 * (DEFAULT_SEGMENT_MIB << 20)


def trial(
    scratch: Directory, entries: int, data_bytes: int, backend: str, clock: Callable[[], float] = time.perf_counter
) -> List[Run]:
    """Small runs, and some as large as the log or as large as is bearable, with entries of the log's mean length.

    Other work on the host only makes them slower, so there are several of each. The scratch directory is empty before
    and after.
    """
    length = min(max(data_bytes // entries, ENTRY_MIN), ENTRY_MAX)
    large = min(max(data_bytes, 2 * SMALL), LARGE, ENTRIES_MAX * length)
    with lowered():
        return [_run(scratch, length, size, backend, clock) for size in (SMALL, large) * REPEATS]


def _run(scratch: Directory, length: int, size: int, backend: str, clock: Callable[[], float]) -> Run:
    count = max(2, size // length)
    with closing(scratch.make_directory(FOLDER)) as folder:
        _make(folder, length, count)
    # By its descriptor: the directory above belongs to the service user, who may give the name to something else.
    request = Request(f"/proc/self/fd/{scratch.fd}", wal_segment_size=DEFAULT_SEGMENT_MIB)
    began = clock()
    there = migrate(request)
    if backend != WAL:
        _forget(scratch, there)
        began = clock()
        migrate(replace(request, backend=backend))
    seconds = clock() - began
    clear(scratch)
    return Run(count * length, count, round(seconds, 4))


def _forget(scratch: Directory, there: Outcome) -> None:
    """Remove the old store: the way back would only put it back. In a roll it lacks what was written since."""
    if there.backup is not None:
        with closing(scratch.subdirectory(FOLDER)) as folder:
            folder.remove(os.path.basename(there.backup))


def _make(folder: Directory, length: int, count: int) -> None:
    with closing(BoltStoreWriter(folder, RAFT_DB, os.sysconf("SC_PAGE_SIZE"))) as writer:
        part = writer.write_part(Part(0, 1, count, ()), _batches(length, count))
        writer.seal([part], Stable(1, 1, b"127.0.0.1:4647"))


def _batches(length: int, count: int) -> Iterator[Batch]:
    """Entries whose lengths vary by a half around the mean, with data that no file system can compress."""
    noise = os.urandom(2 * length)
    now = GoTime(int(time.time()), 1)
    for first in range(1, count + 1, BATCH):
        indexes = range(first, min(first + BATCH, count + 1))
        lengths = (length // 2 + index * 7919 % length for index in indexes)
        yield Batch(first, [encode_msgpack(_entry(i, noise[i % length :][:n], now)) for i, n in zip(indexes, lengths)])


def _entry(index: int, data: bytes, now: GoTime) -> Entry:
    return Entry(index, 1, 0, data, b"", now)
