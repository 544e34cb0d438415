# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a raft.db in one pass, by several processes at a time; reader.py and bbolt/format.py have the format.

A page of a bbolt tree may have any id. So each process renders about a megabyte of leaf pages, takes that many ids
from a counter that all share, and writes the pages there: no process waits for another, and no page is left over.
Leaves are full, while bbolt itself leaves them half empty. The parent writes everything above them, the metas last.

A part's leaves must not stay in memory, nor cross the pipe to the parent one by one. So the part writes the
branch pages above them, except at its ends: bbolt needs two children in every branch page, and a part may
consist of one leaf, so the leaves where two parts meet get common parents.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from ..._disk.attributes import Attributes
from ..._disk.durable import Directory, NewFile
from ..._disk.errors import IndexGap
from ..base import store
from ..base.store import Entries, Part, PartResult, Rows, Stable
from ..base.workers import SharedCounter
from ..bbolt.format import ELEMENT_LEN, HEADER_LEN, LEAF_ELEMENT, LEAF_PAGE, PAGE_HEADER
from ..bbolt.writer import FIRST_ID, Child, DatabaseWriter
from .log import KEY
from .reader import CONF, LOGS, NUMBER

WINDOW_LEN = 1 << 20  # of pages written at once; more only for a single longer entry
PART_LEN = 64 << 20
ITEM_LEN = ELEMENT_LEN + KEY.size
LEAF_LEN_MAX = 1 << 20  # of a leaf of several entries: bbolt counts a page's elements in 16 bits
_LONG = 8192  # values from here on are written in place; shorter ones are copied together
_SHAPES_MAX = 4096

Leaf = Tuple[int, int, int, List[bytes]]
"""First index, number of entries, bytes with the header, and the page after its header in pieces."""


class BoltStoreWriter:
    """Makes the file `name` in a directory. Its pages have `page_size` bytes; bbolt uses the host's for a new file."""

    encoding = store.MSGPACK
    part_len = PART_LEN

    def __init__(
        self, directory: Directory, name: str, page_size: int, attributes: Optional[Attributes] = None
    ) -> None:
        self.path = directory.path_of(name)
        self._page_size = page_size
        self._file = directory.create(name, attributes)
        self._ids = SharedCounter(FIRST_ID)
        self._database = DatabaseWriter(self._file, page_size, self._ids.take)

    def write_part(self, part: Part, batches: Iterable[Entries]) -> PartResult:
        """Write and sync the leaves of this part, and the branch pages above most of them.

        Result fields: leaves at the beginning, branch pages, leaves at the end, each as [first index, page id].
        """
        branches = _Branches(self._database)
        leaves = _Leaves(self._file, self._page_size, self._ids.take, branches, part.first_index)
        for batch in batches:
            leaves.append(batch)
        leaves.flush()
        if leaves.next_index != part.first_index + part.entry_count:
            missing = f"{leaves.next_index} to {part.first_index + part.entry_count - 1}"
            raise IndexGap(f"entries {missing} are missing", self.path)
        self._file.sync()
        return PartResult(part.number, leaves.bytes_written, branches.fields())

    def seal(self, results: Sequence[PartResult], stable: Stable) -> None:
        """Write the upper pages and both buckets, sync, write the metas, sync."""
        level = self._join(results)
        if level:
            self._database.put_tree(LOGS, level)
        else:
            self._database.put_sorted(LOGS, [])
        self._database.put_sorted(CONF, stable.items(NUMBER))
        self._database.finish()
        # The content is on disk. Drop it from the page cache, to make verification read the disk.
        self._file.write_back(0, 0)

    def _join(self, results: Sequence[PartResult]) -> List[Child]:
        """All pages of one level: the lowest branch pages, or the leaves if no part has made a branch page."""
        level: List[Child] = []
        loose: List[Child] = []
        for result in results:
            head, branches, tail = ([(KEY.pack(index), page_id) for index, page_id in run] for run in result.fields)
            loose += head
            if branches:
                level += [*self._database.put_branches(loose), *branches]
                loose = tail
            else:
                loose += tail
        return [*level, *self._database.put_branches(loose)] if level else loose

    def close(self) -> None:
        """Close the file, complete or not."""
        self._file.close()
        self._ids.close()


class _Branches:
    """The lowest branch pages of a part, written as its leaves come; the first and the last leaves stay loose."""

    def __init__(self, database: DatabaseWriter) -> None:
        self._database = database
        self._fan_out = database.fan_out(KEY.size)
        self._head: List[Child] = []
        self._made: List[Child] = []
        self._tail: List[Child] = []

    def add(self, leaf: Child) -> None:
        """Take in the next leaf."""
        if len(self._head) < self._fan_out:
            self._head.append(leaf)
            return
        self._tail.append(leaf)
        if len(self._tail) == 2 * self._fan_out:
            self._made += self._database.put_branches(self._tail[: self._fan_out])
            del self._tail[: self._fan_out]

    def fields(self) -> List[List[Tuple[int, int]]]:
        """Leaves at the beginning, branch pages, leaves at the end."""
        runs = (self._head, self._made, self._tail)
        return [[(KEY.unpack(key)[0], page_id) for key, page_id in run] for run in runs]


class _Leaves:
    """The leaf pages of a part: filled, and written about a megabyte at a time."""

    def __init__(
        self, file: NewFile, page_size: int, take: Callable[[int], int], branches: _Branches, first_index: int
    ) -> None:
        self._file = file
        self._page_size = page_size
        self._take = take
        self._branches = branches
        self._room = min(page_size, LEAF_LEN_MAX) - HEADER_LEN
        self._open: List[bytes] = []  # the values of the leaf that is being filled
        self._open_room = self._room
        self._ready: List[Leaf] = []
        self._ready_pages = 0
        self._shapes: Dict[Tuple[int, int], Tuple[bytes, struct.Struct]] = {}
        self.next_index = self._leaf_index = first_index
        self.bytes_written = 0

    def append(self, entries: Entries) -> None:
        """Put these entries into leaves; write those that are full. Rows must have their keys before them."""
        if entries.first_index != self.next_index:
            raise IndexGap(f"entry {entries.first_index} follows entry {self.next_index - 1}", self._file.path)
        if isinstance(entries, Rows) and entries.length + ITEM_LEN <= self._room:
            self._append_rows(entries)
        else:
            self._append(entries.raws)
        self.next_index = entries.last_index + 1

    def _append(self, raws: List[bytes]) -> None:
        """The inner loop of a conversion of entries of many lengths."""
        values, room, whole = self._open + raws, self._open_room, self._room
        start = 0
        for stop, length in enumerate(map(len, raws), len(self._open)):
            room -= length + ITEM_LEN
            if room < 0 and stop > start:
                self._cut(values[start:stop])
                start, room = stop, whole - length - ITEM_LEN
        self._open, self._open_room = values[start:], room

    def _append_rows(self, rows: Rows) -> None:
        """Fill the open leaf, then make leaves of whole pieces of the buffer, and open one for the rest."""
        item_len, last_index = rows.length + ITEM_LEN, rows.last_index
        first_index = rows.first_index + max(0, self._open_room // item_len if self._open else 0)
        self._append(rows.clipped(rows.first_index, first_index - 1).raws)
        rows = rows.clipped(first_index, last_index)
        count = self._room // item_len
        leaves = (rows.entry_count - 1) // count  # the last one stays open, even if it is full
        if leaves > 0:
            if self._open:
                self._cut(self._open)
                self._open, self._open_room = [], self._room
            table, data, leaf_len = _table([rows.length] * count), rows.framed, count * rows.stride
            for pos in range(0, leaves * leaf_len, leaf_len):
                self._make_ready(count, HEADER_LEN + count * item_len, [table, data[pos : pos + leaf_len]])
            first_index += leaves * count
        self._append(rows.clipped(first_index, last_index).raws)

    def flush(self) -> None:
        """Write all that was appended."""
        if self._open:
            self._cut(self._open)
        self._open, self._open_room = [], self._room
        self._write()

    def _cut(self, values: List[bytes]) -> None:
        """Make a leaf of these values."""
        lens = list(map(len, values))
        count, first_index = len(values), self._leaf_index
        length = HEADER_LEN + ITEM_LEN * count + sum(lens)
        if count == 1 and length > _LONG:
            body = [LEAF_ELEMENT.pack(0, ELEMENT_LEN, KEY.size, lens[0]) + KEY.pack(first_index), values[0]]
        else:
            fields: List[Any] = [0] * (2 * count)
            fields[0::2] = range(first_index, first_index + count)
            fields[1::2] = values
            if lens.count(lens[0]) == count:  # the usual case: one packing for the whole page
                table, items = self._shapes.get((count, lens[0])) or self._learn(count, lens[0])
                body = [table, items.pack(*fields)]
            else:
                body = [_table(lens), struct.pack(">" + "".join([f"Q{value_len}s" for value_len in lens]), *fields)]
        self._make_ready(count, length, body)

    def _make_ready(self, count: int, length: int, body: List[bytes]) -> None:
        self._ready.append((self._leaf_index, count, length, body))
        self._leaf_index += count
        self._ready_pages += -(-length // self._page_size)
        if self._ready_pages * self._page_size >= WINDOW_LEN:
            self._write()

    def _learn(self, count: int, value_len: int) -> Tuple[bytes, struct.Struct]:
        shape = _table([value_len] * count), struct.Struct(">" + f"Q{value_len}s" * count)
        if len(self._shapes) >= _SHAPES_MAX:
            self._shapes.clear()
        self._shapes[count, value_len] = shape
        return shape

    def _write(self) -> None:
        """Write the leaves that are ready, if any, to pages that nobody else has."""
        if not self._ready:
            return
        page_size = self._page_size
        page_id = first_id = self._take(self._ready_pages)
        buffers: List[bytes] = []
        for first_index, count, length, body in self._ready:
            pages = -(-length // page_size)
            buffers += (
                PAGE_HEADER.pack(page_id, LEAF_PAGE, count, pages - 1),
                *body,
                bytes(pages * page_size - length),
            )
            self._branches.add((KEY.pack(first_index), page_id))
            page_id += pages
        short = len(buffers) * _LONG > self._ready_pages * page_size
        off = first_id * page_size
        self._file.write_back(off, self._file.write_at(off, [b"".join(buffers)] if short else buffers))
        self.bytes_written += self._ready_pages * page_size
        self._ready, self._ready_pages = [], 0


def _table(lens: Sequence[int]) -> bytes:
    """The element table of a leaf of values of these lengths."""
    parts: List[bytes] = []
    pos = len(lens) * ELEMENT_LEN
    for value_len in lens:
        parts.append(LEAF_ELEMENT.pack(0, pos, KEY.size, value_len))
        pos += KEY.size + value_len - ELEMENT_LEN
    return b"".join(parts)
