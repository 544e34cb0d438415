# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries in the bucket `logs` of raft.db: found, counted and read from its leaf pages.

A survey reads every leaf page once, checks its place, its bounds and its order among the others, and remembers runs
of pages of about a megabyte in eight bytes per page. `batches` reads such runs again and checks every element and
key. The format is described in boltdb.py and bbolt.py. Entries stay bytes here.
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
_NO_BOUND = 1 << 64
_SHAPES_MAX, _SHAPE_COUNT_MAX = 1024, 64  # element tables that are remembered, and elements of such: a few MB
_CHANGED = "Something writes to this file in spite of its lock; find and stop it, then run again."


class Place(NamedTuple):
    """Where an extent is: its leaf pages in order, and how many entries of the first belong to an earlier extent."""

    page_ids: array[int]
    skip: int


class Run(NamedTuple):
    """Consecutive entries of one leaf page, behind `skip` others; `data_len` is their elements, keys and values."""

    first_index: int
    entry_count: int
    data_len: int
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
        group_len = self._group_len(overflow)
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
        for found, value_pos, value_len in self._elements(page_id)[skip : skip + end - index]:
            if found != index:
                what = f"entry {found} where entry {index} was when the file was opened"
                raise Corrupt(what, self.path, off, _CHANGED)
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

    def _group_len(self, overflow: int) -> int:
        return (1 + overflow) * self._db.page_size if self._bucket.root_id else len(self._bucket.image)

    def _view(self, page_id: int) -> Tuple[Sliceable, int]:
        """A leaf page, read where it is sliced, and its offset in the file."""
        if self._bucket.root_id:
            return self._db.view(page_id), page_id * self._db.page_size
        return self._bucket.image, self._bucket.image_off

    def _elements(self, page_id: int) -> List[Tuple[int, int, int]]:
        """(index, position and length of the value) of all entries of a leaf page, each checked. Raises Corrupt."""
        view, off = self._view(page_id)
        with located(self.path, off):
            header = parse_page_header(view[0:HEADER_LEN], 0, page_id, (LEAF_PAGE,))
            elements = parse_leaf(view, 0, self._group_len(header.overflow))
            if not elements and self._bucket.root_id:
                raise corrupt(EMPTY_LEAF, 0)
            for is_bucket, key, value_pos, _value_len in elements:
                if is_bucket or len(key) != KEY.size:
                    raise corrupt(f"the log has a key {key!r} that is no index", value_pos - len(key))
        return [(KEY.unpack(key)[0], value_pos, value_len) for _flag, key, value_pos, value_len in elements]

    # -- survey ----------------------------------------------------------------------------------------------------

    def survey(self) -> List[Extent]:
        """All entries as extents of about a megabyte, none with a hole. Raises Corrupt."""
        extents: List[Extent] = []
        last_index = 0
        for children in self._leaves():
            bounds = iter(self._bounds(children))
            for window in self._windows(children.page_ids):
                for page_id, pos in window.leaves:
                    lower, upper = next(bounds)
                    for run in self._runs(window, page_id, pos):
                        end = run.first_index + run.entry_count
                        if not max(lower, last_index + 1) <= run.first_index < end <= upper:
                            possible = f"{max(lower, last_index + 1)} to {upper - 1}"
                            what = f"entries {run.first_index} to {end - 1} where only {possible} can be"
                            raise Corrupt(what, self.path, window.base_off + pos, RESTORE)
                        _append(extents, run, page_id, last_index)
                        last_index = end - 1
        return extents

    def _leaves(self) -> Iterator[Children]:
        if self._bucket.root_id:
            return self._db.leaves(self._bucket.root_id, self._bucket.named_off)
        with located(self.path, self._bucket.image_off):
            self._bucket.check_image()
        return iter([Children([0], [b""], None, self._bucket.image_off)])

    def _bounds(self, children: Children) -> List[Tuple[int, int]]:
        """[lower, upper) of the indexes that each of these leaf pages may have."""
        numbers: List[int] = []
        for key in [*children.lowers, children.upper]:
            if not key:
                numbers.append(0 if key is not None else _NO_BOUND)
            elif len(key) == KEY.size:
                numbers.append(KEY.unpack(key)[0])
            else:
                what = f"a branch page of the log has a key {key!r} that is no index"
                raise Corrupt(what, self.path, children.branch_off, RESTORE)
        return list(zip(numbers, numbers[1:]))

    def _runs(self, window: Window, page_id: int, pos: int) -> List[Run]:
        """The runs of consecutive entries in a leaf page, most often one; takes its overflow pages."""
        buf = window.buf
        found_id, flags, count, overflow = PAGE_HEADER.unpack_from(buf, pos)
        if overflow and found_id == page_id:
            self._db.take(page_id + 1, overflow, page_id)
        table_end = pos + HEADER_LEN + count * ELEMENT_LEN
        group_end = pos + self._group_len(overflow)
        if found_id == page_id and flags == LEAF_PAGE and count and max(table_end, group_end) <= len(buf):
            # Only the first and the last element are looked at: `batches` sees them all.
            last_element = table_end - ELEMENT_LEN
            _flags, key_pos, key_len, _value_len = LEAF_ELEMENT.unpack_from(buf, pos + HEADER_LEN)
            _flags, last_key_pos, last_key_len, last_value_len = LEAF_ELEMENT.unpack_from(buf, last_element)
            key_pos += pos + HEADER_LEN
            last_key_pos += last_element
            end = last_key_pos + KEY.size + last_value_len
            if key_len == last_key_len == KEY.size and table_end == key_pos <= last_key_pos and end <= group_end:
                (first_index,) = KEY.unpack_from(buf, key_pos)
                (last_index,) = KEY.unpack_from(buf, last_key_pos)
                if last_index - first_index == count - 1:
                    return [Run(first_index, count, end - key_pos + count * ELEMENT_LEN, 0)]
        return self._strict_runs(page_id)

    def _strict_runs(self, page_id: int) -> List[Run]:
        """The same for a page with a hole, with far overflow, without entries, or with an error, which is raised."""
        runs: List[Run] = []
        for number, (index, _value_pos, value_len) in enumerate(self._elements(page_id)):
            data_len = ELEMENT_LEN + KEY.size + value_len
            if runs and index == runs[-1].first_index + runs[-1].entry_count:
                first_index, entry_count, run_len, skip = runs[-1]
                runs[-1] = Run(first_index, entry_count + 1, run_len + data_len, skip)
            else:
                runs.append(Run(index, 1, data_len, number))
        return runs


def _append(extents: List[Extent], run: Run, page_id: int, last_index: int) -> None:
    """Add a run to the last extent, or start a new one: behind a hole, and when the last is long enough."""
    if extents and run.first_index == last_index + 1 and extents[-1].data_len < EXTENT_LEN:
        first_index, entry_count, data_len, place = extents[-1]
        place.page_ids.append(page_id)
        extents[-1] = Extent(first_index, entry_count + run.entry_count, data_len + run.data_len, place)
    else:
        extents.append(Extent(run.first_index, run.entry_count, run.data_len, Place(array("Q", [page_id]), run.skip)))
