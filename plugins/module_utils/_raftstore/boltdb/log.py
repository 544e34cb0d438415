# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries in the bucket `logs` of raft.db, read from its leaf pages.

survey.py has found where they are, as runs of pages of about 2 MiB; `batches` reads such runs and checks every element
and key. The format is described in reader.py and in bbolt/format.py. Entries stay bytes here.
"""

from __future__ import annotations

import struct
from array import array
from typing import Any, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ..._disk.errors import RESTORE, Corrupt, Unsupported, corrupt, located
from ..base.lanes import has_keys
from ..base.store import ROWS_MIN, Batch, Entries, Extent, Rows
from ..bbolt.format import (
    ELEMENT_LEN,
    HEADER_LEN,
    LEAF_ELEMENT,
    LEAF_PAGE,
    PAGE_HEADER,
    Sliceable,
    parse_leaf,
    parse_page_header,
)
from ..bbolt.pages import Children, Tree, Window
from ..bbolt.reader import EMPTY_LEAF, Bucket, Database

KEY = struct.Struct(">Q")
EXTENT_LEN = 2 << 20
MAX_VALUE_LEN = (64 << 20) + 1024  # the longest entry that raft-wal reads (segment/reader.go), as msgpack
ROW_LEN_MAX = 8192  # longer ones are taken one by one, which copies them less often
HEAD_LEN = 512  # of a leaf page, at least; a quarter of the page holds the elements of all entries that fit into it
HEAD_LEN_MAX = 1 << 14
TREES_MAX = 1 << 12  # from here on the other branches of a level stay whole, to bound the memory
PAGE_IDS = "I"  # the array type: four bytes, enough for all page ids that are read
_COUNT_OVERFLOW = struct.Struct("<2xHI")  # in a page header, after the id
_UNEXPECTED = f"{RESTORE} If something writes to it despite its lock, stop that and run again instead."
_CHANGED = "Something writes to this file despite its lock. Find and stop it, then run again."


class Place(NamedTuple):
    """Where an extent is: its leaf pages in order, and how many entries of the first belong to an earlier extent."""

    page_ids: array[int]
    skip: int


class LogBucket:
    """The bucket `logs` of a database, inline or with pages of its own."""

    def __init__(self, database: Database, bucket: Bucket) -> None:
        self._db = database
        self._bucket = bucket
        self.path = database.path
        self._known: Tuple[int, List[Tuple[int, int, int]]] = (-1, [])  # the page last read by `elements`

    def batches(self, extents: Sequence[Extent]) -> Iterator[Entries]:
        """The entries of these extents, in batches of about two megabytes or one entry. Raises Corrupt."""
        for extent in extents:
            index, end, skip = extent.first_index, extent.last_index + 1, extent.place.skip
            for window in self._windows(extent):
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
        """How many leaf pages from this one on lie in the window and look as bbolt writes them, and their entries.

        0 pages: look closer. This is the inner loop of a conversion: similar pages are taken together if their
        entries are of one length.
        """
        buf, leaves = window.buf, window.leaves
        raws: List[bytes] = []
        keys: List[bytes] = []
        stop = todo
        while stop < len(leaves):
            page_id, pos = leaves[stop]
            found_id, flags, count, overflow = PAGE_HEADER.unpack_from(buf, pos)
            data_pos, group_end = pos + HEADER_LEN + count * ELEMENT_LEN, pos + self.group_len(overflow)
            is_leaf = found_id == page_id and flags == LEAF_PAGE
            if not is_leaf or not 0 < count <= end - index - len(raws) or not data_pos <= group_end <= len(buf):
                break
            head = buf[pos + 8 : data_pos]
            if stop + 1 < len(leaves) and buf.startswith(head, leaves[stop + 1][1] + 8):
                rows = self._rows(window, stop, head, index + len(raws), end)
                if rows.entry_count and not raws:
                    return rows.entry_count // count, [rows]
                if rows.entry_count:
                    break
            table = LEAF_ELEMENT.iter_unpack(head[HEADER_LEN - 8 :])
            found = _page_items(buf, pos + HEADER_LEN, data_pos, group_end, table)
            if found is None:
                break
            keys += found[0]
            raws += found[1]
            stop += 1
        near = _checked(index, keys, raws)
        return (stop - todo if near else 0), near

    def _rows(self, window: Window, todo: int, head: bytes, index: int, end: int) -> Rows:
        """The entries of this leaf page and of similar ones after it, if they are many and of one length.

        `head` is the page header without the id, and the element table. The keys are checked.
        """
        buf = window.buf
        none = Rows(index, 0, b"", 0, 0, 0)
        table_end = 8 + len(head)
        (count, overflow), value_len = _COUNT_OVERFLOW.unpack_from(head), LEAF_ELEMENT.unpack_from(head, 8)[3]
        stride, group_len = KEY.size + value_len, self.group_len(overflow)
        alike: List[int] = []
        leaves = window.leaves[todo : todo + (end - index) // count]
        for _page_id, pos in leaves:
            if not buf.startswith(head, pos + 8) or pos + group_len > len(buf):
                break
            alike.append(pos)
        rows = len(alike) * count
        if rows < ROWS_MIN or value_len > ROW_LEN_MAX or table_end + count * stride > group_len:
            return none
        elements = [(0, ELEMENT_LEN * (count - at) + stride * at, KEY.size, value_len) for at in range(count)]
        if head[8:] != b"".join([LEAF_ELEMENT.pack(*element) for element in elements]):
            return none
        ids = b"".join([buf[pos : pos + 8] for pos in alike])
        data = b"".join([buf[pos + table_end : pos + table_end + count * stride] for pos in alike])
        found = Rows(index, rows, data, KEY.size, stride, value_len)
        wanted = struct.pack(f"<{len(alike)}Q", *[page_id for page_id, _pos in leaves[: len(alike)]])
        return found if ids == wanted and has_keys(found) else none

    def _far_batches(self, page_id: int, skip: int, index: int, end: int) -> Iterator[Batch]:
        """The entries index .. end-1 that this leaf page has after `skip` others, read value by value."""
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

    def _windows(self, extent: Extent) -> Iterator[Window]:
        if self._bucket.root_id:
            page_ids = extent.place.page_ids
            leaf_len = HEADER_LEN + extent.data_len // len(page_ids)  # of most: neighbouring entries are alike
            return self._db.windows(page_ids, -(-leaf_len // self._db.page_size))
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

        With `take`, its overflow pages are noted as used.
        """
        if self._known[0] == page_id and not take:
            return self._known[1]
        view, off = self._view(page_id)
        with located(self.path, off):
            header = parse_page_header(view[0:HEADER_LEN], 0, page_id, (LEAF_PAGE,))
            if take and header.overflow:
                self.take_overflows([page_id], [header.overflow])
            elements = parse_leaf(view, 0, self.group_len(header.overflow))
            if not elements and self._bucket.root_id:
                raise corrupt(EMPTY_LEAF, 0)
            for is_bucket, key, value_pos, _value_len in elements:
                if is_bucket or len(key) != KEY.size:
                    raise corrupt(f"the log has a key {key!r} that is not an index", value_pos - len(key))
        found = [(KEY.unpack(key)[0], value_pos, value_len) for _flag, key, value_pos, value_len in elements]
        if not take:
            self._known = (page_id, found)  # for a page with holes each of its extents asks for them
        return found

    # -- for the survey --------------------------------------------------------------------------------------------

    def trees(self, count: int) -> List[Tree]:
        """The log's tree, cut into at least `count` trees if it is high enough, in order and about equally large."""
        if not self._bucket.root_id:
            with located(self.path, self._bucket.image_off):
                self._bucket.check_image()
            return [Tree(0, 0, b"", None)]
        trees = [self._db.tree(self._bucket.root_id, self._bucket.named_off)]
        depth = trees[0].depth
        while len(trees) < count and depth > 1:
            cut: List[Tree] = []
            for tree in trees:  # a level at a time
                cut += self._db.branches(tree) if len(cut) < TREES_MAX else [tree]
            trees, depth = cut, depth - 1
        return trees

    def leaves(self, tree: Tree) -> Iterator[Children]:
        """The leaf pages of a tree in order, not read yet."""
        return self._db.leaves(tree)

    @property
    def len_max(self) -> int:
        """Upper bound of the log's bytes."""
        return self._db.meta.high_water * self._db.page_size if self._bucket.root_id else 0

    @property
    def taken(self) -> int:
        """The number of pages that this process has taken."""
        return self._db.taken

    def check_taken(self, count: int) -> None:
        """Check that all processes, which together took `count` pages, took none twice. Raises Corrupt."""
        self._db.check_taken(count)

    def heads(self, page_ids: Sequence[int]) -> List[bytes]:
        """The first bytes of leaf pages: the page header and, unless the table is long, element table and first key."""
        if self._bucket.root_id:
            return self._db.heads(page_ids, max(HEAD_LEN, min(HEAD_LEN_MAX, self._db.page_size // 4)))
        return [self._bucket.image[:HEAD_LEN]]

    def take_overflows(self, page_ids: Sequence[int], overflows: Sequence[int]) -> None:
        """Note how many overflow pages each of these leaf pages has. Raises Corrupt."""
        self._db.take_overflows(page_ids, overflows)

    def page_off(self, page_id: int) -> int:
        """Offset of a leaf page in the file."""
        return self._view(page_id)[1]


def _page_items(
    buf: bytes, element_pos: int, data_pos: int, end: int, table: Iterable[Tuple[Any, ...]]
) -> Optional[Tuple[List[bytes], List[bytes]]]:
    """Keys and values of a leaf page; None unless they are where bbolt puts them."""
    keys: List[bytes] = []
    values: List[bytes] = []
    for flags, key_pos, key_len, value_len in table:
        value_pos = data_pos + KEY.size
        if flags or key_len != KEY.size or element_pos + key_pos != data_pos:
            return None
        keys.append(buf[data_pos:value_pos])
        data_pos = value_pos + value_len
        values.append(buf[value_pos:data_pos])
        element_pos += ELEMENT_LEN
    return (keys, values) if data_pos <= end else None


def _checked(index: int, keys: Sequence[bytes], raws: List[bytes]) -> List[Entries]:
    """These entries as a batch, if there are any and their keys are the indexes from `index` on."""
    wanted = struct.pack(f">{len(keys)}Q", *range(index, index + len(keys)))
    return [Batch(index, raws)] if keys and b"".join(keys) == wanted else []
