# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries in the bucket `logs` of raft.db, read from its leaf pages.

Where they are is found before, by `boltsurvey.py`, as runs of pages of about a megabyte; `batches` reads such runs and
checks every element and key. The format is described in boltdb.py and bbolt.py. Entries stay bytes here.
"""

from __future__ import annotations

import struct
from array import array
from itertools import accumulate
from operator import sub
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .bbolt import (
    ELEMENT_LEN,
    HEADER_LEN,
    LEAF_ELEMENT,
    LEAF_PAGE,
    PAGE_HEADER,
    RESTORE,
    Sliceable,
    corrupt,
    parse_leaf,
    parse_page_header,
)
from .bboltfile import EMPTY_LEAF, Bucket, Children, Database, Window
from .errors import Corrupt, Unsupported, located
from .lanes import has_keys
from .store import ROWS_MIN, Batch, Entries, Extent, Rows

KEY = struct.Struct(">Q")
EXTENT_LEN = 1 << 20
MAX_VALUE_LEN = (64 << 20) + 1024  # the longest entry that a WAL gives back (raft-wal segment/reader.go), as msgpack
HEAD_LEN = 512  # of a leaf page: enough for 30 entries
_SHAPES_MAX, _SHAPE_COUNT_MAX = 1024, 64  # element tables that are remembered, and elements of such: a few MB
_UNEXPECTED = f"{RESTORE} If something writes to it in spite of its lock, stop that and run again instead."
_CHANGED = "Something writes to this file in spite of its lock; find and stop it, then run again."


class Place(NamedTuple):
    """Where an extent is: its leaf pages in order, and how many entries of the first belong to an earlier extent."""

    page_ids: array[int]
    skip: int


class Shape(NamedTuple):
    """What leaf pages with the same `head` share: page header but for the id, and element table.

    `fields` are the keys and values behind it, at `table_end` in the page; `value_len` is 0 if their lengths differ.
    """

    head: bytes
    entry_count: int
    table_end: int
    group_len: int
    fields: struct.Struct
    value_len: int


class LogBucket:
    """The bucket `logs` of a database, inline or with pages of its own."""

    def __init__(self, database: Database, bucket: Bucket) -> None:
        self._db = database
        self._bucket = bucket
        self.path = database.path
        self._shapes: Dict[bytes, Shape] = {}

    def batches(self, extents: Sequence[Extent]) -> Iterator[Entries]:
        """The entries of these extents, in batches of about a megabyte or one entry. Raises Corrupt."""
        for extent in extents:
            index, end, skip = extent.first_index, extent.last_index + 1, extent.place.skip
            for window in self._windows(extent.place.page_ids):
                todo = 0
                while todo < len(window.leaves):
                    found: Iterable[Entries]
                    pages, found = (0, ()) if skip else self._near(window, todo, index, end)
                    if not pages:
                        pages, found = 1, self._far_batches(window.leaves[todo][0], skip, index, end)
                    for entries in found:
                        yield entries
                        index += entries.entry_count
                    todo, skip = todo + pages, 0
            if index != end:
                off = extent.place.page_ids[-1] * self._db.page_size
                what = f"entries {index} to {end - 1} are gone since the file was opened"
                raise Corrupt(what, self.path, off, _CHANGED)

    def _near(self, window: Window, todo: int, index: int, end: int) -> Tuple[int, Sequence[Entries]]:
        """How many leaf pages from this one on lie in the window and are as bbolt writes them, and their entries.

        None: look closer. This is the inner loop of a conversion: pages with the same element table are taken together
        when their entries are of one length, and an element table that was checked once is known when it comes again.
        """
        raws: List[bytes] = []
        pages = 0
        for page_id, pos in window.leaves[todo:]:
            page = self._near_page(window, page_id, pos, end - index - len(raws))
            if page is None:
                break
            if page.value_len and self._goes_on(window, todo + pages, page):
                rows = self._rows(window, todo + pages, page, index + len(raws), end)
                if rows.entry_count >= ROWS_MIN:
                    before = [Batch(index, raws)] if raws else []
                    return pages + rows.entry_count // page.entry_count, [*before, rows]
            fields: Tuple[Any, ...] = page.fields.unpack_from(window.buf, pos + page.table_end)
            if fields[0::2] != tuple(range(index + len(raws), index + len(raws) + page.entry_count)):
                break
            raws += fields[1::2]
            pages += 1
        return pages, [Batch(index, raws)] if raws else []

    def _goes_on(self, window: Window, todo: int, page: Shape) -> bool:
        """Whether there are probably enough leaf pages like this one."""
        last = todo + -(-ROWS_MIN // page.entry_count) - 1
        if last >= len(window.leaves):
            return False
        pos = window.leaves[last][1]
        return window.buf[pos + 8 : pos + page.table_end] == page.head

    def _near_page(self, window: Window, page_id: int, pos: int, count_max: int) -> Optional[Shape]:
        buf = window.buf
        found_id, flags, count, overflow = PAGE_HEADER.unpack_from(buf, pos)
        table_end = HEADER_LEN + count * ELEMENT_LEN
        group_len = self.group_len(overflow)
        if found_id != page_id or flags != LEAF_PAGE or not 0 < count <= count_max or pos + group_len > len(buf):
            return None
        head = buf[pos + 8 : pos + table_end]
        shape = self._shapes.get(head) or self._shape(head, count, group_len)
        return shape if shape is not None and shape.table_end + shape.fields.size <= group_len else None

    def _rows(self, window: Window, todo: int, page: Shape, index: int, end: int) -> Rows:
        """The entries of leaf pages like this one, from it on, as far as there are such; the keys are checked."""
        buf, head_end, data_end = window.buf, page.table_end, page.table_end + page.fields.size
        leaves = window.leaves[todo : todo + (end - index) // page.entry_count]
        alike: List[int] = []
        for _page_id, pos in leaves:
            if buf[pos + 8 : pos + head_end] != page.head or pos + page.group_len > len(buf):
                break
            alike.append(pos)
        count = len(alike) * page.entry_count
        ids = b"".join([buf[pos : pos + 8] for pos in alike])
        if ids != struct.pack(f"<{len(alike)}Q", *[page_id for page_id, _pos in leaves[: len(alike)]]):
            count = 0
        data = b"".join([buf[pos + head_end : pos + data_end] for pos in alike])
        rows = Rows(index, count, data, KEY.size, KEY.size + page.value_len, page.value_len)
        return rows if count and has_keys(rows) else rows._replace(entry_count=0)

    def _shape(self, head: bytes, count: int, group_len: int) -> Optional[Shape]:
        """What is behind this page header and element table; None when the table is not what bbolt writes."""
        table = head[HEADER_LEN - 8 :]
        if len(table) != count * ELEMENT_LEN:
            return None
        flags, key_positions, key_lens, value_lens = zip(*LEAF_ELEMENT.iter_unpack(table))
        # Each key lies behind the value before it, and its position counts from an element 16 bytes further on.
        wanted = map(sub, accumulate((len(table), *value_lens[:-1])), range(0, 8 * count, ELEMENT_LEN - KEY.size))
        if any(flags) or key_lens.count(KEY.size) != count or key_positions != tuple(wanted):
            return None
        fields = struct.Struct(">" + "".join([f"Q{value_len}s" for value_len in value_lens]))
        value_len = value_lens[0] if value_lens.count(value_lens[0]) == count else 0
        shape = Shape(head, count, HEADER_LEN + len(table), group_len, fields, value_len)
        if len(self._shapes) >= _SHAPES_MAX:  # entries of many lengths: nothing is seen twice
            self._shapes.clear()
        if count <= _SHAPE_COUNT_MAX:
            self._shapes[head] = shape
        return shape

    def _far_batches(self, page_id: int, skip: int, index: int, end: int) -> Iterator[Batch]:
        """The entries index .. end-1 that are in this leaf page behind `skip` others, read value by value."""
        view, off = self._view(page_id)
        raws: List[bytes] = []
        raws_len = 0
        for found, value_pos, value_len in self.elements(page_id)[skip : skip + end - index]:
            if found != index:
                what = f"entry {found} where entry {index} should be"
                raise Corrupt(what, self.path, off, _UNEXPECTED)
            if value_len > MAX_VALUE_LEN:
                what = f"entry {index} has {value_len} bytes, more than a Raft log can hold ({MAX_VALUE_LEN})"
                raise Unsupported(what, self.path, off + value_pos)
            if raws_len + value_len > EXTENT_LEN and raws:
                yield Batch(index - len(raws), raws)
                raws, raws_len = [], 0
            raws.append(view[value_pos : value_pos + value_len])
            raws_len += value_len
            index += 1
        if raws:
            yield Batch(index - len(raws), raws)

    def _windows(self, page_ids: Sequence[int]) -> Iterator[Window]:
        if self._bucket.root_id:
            return self._db.windows(page_ids)
        return iter([Window(self._bucket.image, self._bucket.image_off, [(0, 0)])])

    def group_len(self, overflow: int) -> int:
        """Bytes of a leaf page with this overflow."""
        return (1 + overflow) * self._db.page_size if self._bucket.root_id else len(self._bucket.image)

    def _view(self, page_id: int) -> Tuple[Sliceable, int]:
        """A leaf page, read where it is sliced, and its offset in the file."""
        if self._bucket.root_id:
            return self._db.view(page_id), page_id * self._db.page_size
        return self._bucket.image, self._bucket.image_off

    def elements(self, page_id: int, take: bool = False) -> List[Tuple[int, int, int]]:
        """(index, position and length of the value) of all entries of a leaf page, each checked. Raises Corrupt.

        With `take`, its overflow pages are noted as in use.
        """
        view, off = self._view(page_id)
        with located(self.path, off):
            header = parse_page_header(view[0:HEADER_LEN], 0, page_id, (LEAF_PAGE,))
            if take and header.overflow:
                self.take_overflow(page_id, header.overflow)
            elements = parse_leaf(view, 0, self.group_len(header.overflow))
            if not elements and self._bucket.root_id:
                raise corrupt(EMPTY_LEAF, 0)
            for is_bucket, key, value_pos, _value_len in elements:
                if is_bucket or len(key) != KEY.size:
                    raise corrupt(f"the log has a key {key!r} that is no index", value_pos - len(key))
        return [(KEY.unpack(key)[0], value_pos, value_len) for _flag, key, value_pos, value_len in elements]

    # -- for the survey --------------------------------------------------------------------------------------------

    def leaves(self) -> Iterator[Children]:
        """The leaf pages in order, not yet read."""
        if self._bucket.root_id:
            return self._db.leaves(self._bucket.root_id, self._bucket.named_off)
        with located(self.path, self._bucket.image_off):
            self._bucket.check_image()
        return iter([Children([0], [b""], None, self._bucket.image_off)])

    def heads(self, page_ids: Sequence[int]) -> List[bytes]:
        """The first bytes of leaf pages: page header, and element table and first key unless the table is long."""
        if self._bucket.root_id:
            return self._db.heads(page_ids, HEAD_LEN)
        return [self._bucket.image[:HEAD_LEN]]

    def take_overflow(self, page_id: int, overflow: int) -> None:
        """Note that these overflow pages are in use. Raises Corrupt."""
        self._db.take(page_id + 1, overflow, page_id)

    def page_off(self, page_id: int) -> int:
        """Offset of a leaf page in the file."""
        return self._view(page_id)[1]
