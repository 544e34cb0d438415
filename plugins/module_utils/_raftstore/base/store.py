# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of both Raft stores: the way back is the way forward with the arguments swapped.

A store holds entries in order of their Raft index, and three stable values. It does not know how an entry is
encoded: a record is `(index, bytes)`, and `encoding` names the codec of entries/entry.py that reads the bytes.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Protocol, Sequence, Tuple, Union

WAL = "wal"  # the two backends, by their names in Nomad's configuration
BOLTDB = "boltdb"

MSGPACK = "msgpack"
BINARY = "binary"
U64_LIMIT = 1 << 64  # indexes, terms and all else that Raft counts are below it
ROWS_MIN = 16  # from so many entries of one length on it pays to take them together
LEAD_LEN = 8  # bytes that either store puts before an entry: bbolt a key, a WAL a frame header

Record = Tuple[int, bytes]
ProgressSink = Callable[[str, int, int, int], None]
"""Told how far work on a store has come: its phase, entries done, entries in all, bytes done."""


class Batch(NamedTuple):
    """Consecutive entries: the index of the first, and the bytes of each. No entry needs an object beyond its bytes."""

    first_index: int
    raws: List[bytes]

    @property
    def last_index(self) -> int:
        """Index of the last of them."""
        return self.first_index + len(self.raws) - 1

    def clipped(self, first_index: int, last_index: int) -> Batch:
        """The entries from `first_index` to `last_index`; maybe none."""
        if first_index <= self.first_index and self.last_index <= last_index:
            return self
        start = max(first_index, self.first_index)
        return Batch(start, self.raws[start - self.first_index : max(last_index + 1 - self.first_index, 0)])

    @property
    def entry_count(self) -> int:
        """Number of entries."""
        return len(self.raws)

    @property
    def data_len(self) -> int:
        """Bytes of all of them."""
        return sum(map(len, self.raws))

    def records(self) -> List[Record]:
        """Each of them with its index."""
        return list(enumerate(self.raws, self.first_index))


class Rows(NamedTuple):
    """The same for many entries of one length, left where they are in a buffer: one every `stride` bytes from `pos` on.

    The bytes between them belong to the store: the LEAD_LEN bytes before each, and padding after it.
    """

    first_index: int
    entry_count: int
    buf: bytes
    pos: int
    stride: int
    length: int

    @property
    def last_index(self) -> int:
        """Index of the last of them."""
        return self.first_index + self.entry_count - 1

    @property
    def raws(self) -> List[bytes]:
        """The bytes of each."""
        end = self.pos + self.entry_count * self.stride
        return [self.buf[pos : pos + self.length] for pos in range(self.pos, end, self.stride)]

    @property
    def data_len(self) -> int:
        """Bytes of all of them."""
        return self.entry_count * self.length

    @property
    def framed(self) -> bytes:
        """All of them, with what the store puts before and after each."""
        start = self.pos - LEAD_LEN
        return self.buf[start : start + self.entry_count * self.stride]

    def clipped(self, first_index: int, last_index: int) -> Rows:
        """The entries from `first_index` to `last_index`; maybe none."""
        start = max(first_index, self.first_index)
        count = max(0, min(last_index, self.last_index) + 1 - start)
        pos = self.pos + (start - self.first_index) * self.stride
        return self._replace(first_index=start, entry_count=count, pos=pos)

    def records(self) -> List[Record]:
        """Each of them with its index."""
        return list(enumerate(self.raws, self.first_index))


Entries = Union[Batch, Rows]


CURRENT_TERM, LAST_VOTE_TERM, LAST_VOTE_CANDIDATE = STABLE_KEYS = (b"CurrentTerm", b"LastVoteTerm", b"LastVoteCand")


class Stable(NamedTuple):
    """The values Raft must not forget. None: the key is absent, as on a server that never voted.

    Terms are unsigned 64-bit numbers; the candidate is the bytes of its address.
    """

    current_term: Optional[int] = None
    last_vote_term: Optional[int] = None
    last_vote_candidate: Optional[bytes] = None

    def items(self, number: struct.Struct) -> List[Tuple[bytes, bytes]]:
        """Those that are there under the keys that both stores have for them, sorted; terms in the store's encoding."""
        values: Dict[bytes, Optional[bytes]] = {LAST_VOTE_CANDIDATE: self.last_vote_candidate}
        for key, term in ((CURRENT_TERM, self.current_term), (LAST_VOTE_TERM, self.last_vote_term)):
            values[key] = None if term is None else number.pack(term)
        return [(key, value) for key, value in sorted(values.items()) if value is not None]


class Extent(NamedTuple):
    """A run of consecutive entries that lie together in a store. No extent contains a hole.

    `data_len` is the bytes they take as stored, framing included; `place` is the store's own note of where they are.
    """

    first_index: int
    entry_count: int
    data_len: int
    place: Any

    @property
    def last_index(self) -> int:
        """Index of the last entry of the run."""
        return self.first_index + self.entry_count - 1


class Part(NamedTuple):
    """A piece of work for one worker: consecutive extents that together become one unit of the target."""

    number: int
    first_index: int
    entry_count: int
    extents: Sequence[Extent]


class PartResult(NamedTuple):
    """What a target says about a part it has written and synced. `fields` are plain: they cross a pipe as JSON."""

    number: int
    bytes_written: int
    fields: List[Any]


class StoreReader(Protocol):
    """A store opened for reading. Its methods check everything they read, or raise StoreError."""

    encoding: str
    path: str
    first_index: int
    last_index: int
    entry_count: int
    live_len: int

    def stable(self) -> Stable:
        """The stable values."""

    def extents(self) -> Sequence[Extent]:
        """All entries as extents in ascending order; neighbours that are not contiguous have a hole between them."""

    def batches(self, extents: Sequence[Extent]) -> Iterator[Entries]:
        """The entries of these extents in order, in batches of bounded size."""


class OpenedStore:
    """What every store answers alike once it is open: from its extents, in ascending order, and its stable values."""

    def _opened(self, extents: Sequence[Extent], stable: Stable) -> None:
        self._extents = extents
        self._stable = stable
        self.first_index = extents[0].first_index if extents else 0
        self.last_index = extents[-1].last_index if extents else 0
        self.entry_count = sum(extent.entry_count for extent in extents)
        self.live_len = sum(extent.data_len for extent in extents)

    def stable(self) -> Stable:
        """The stable values; an absent key is None."""
        return self._stable

    def extents(self) -> Sequence[Extent]:
        """All entries as extents; a hole lies between those that are not contiguous."""
        return self._extents


class StoreWriter(Protocol):
    """A store being made in a directory of its own. Nobody opens it before it is published."""

    encoding: str
    part_len: int  # bytes, as the source counts them, that one part may have

    def write_part(self, part: Part, batches: Iterable[Entries]) -> PartResult:
        """Write one part and sync it. Runs in a worker process; parts may be written in any order, at the same time."""

    def seal(self, results: Sequence[PartResult], stable: Stable) -> None:
        """Write and sync the metadata, which completes the store. Runs once, in the parent, with results in order."""


def records_of(store: StoreReader, extents: Sequence[Extent]) -> Iterator[Record]:
    """The entries of these extents in order, each with its index."""
    for batch in store.batches(extents):
        yield from batch.records()
