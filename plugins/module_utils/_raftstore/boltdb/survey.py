# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which entries the bucket `logs` of raft.db has, and where, from its branch pages and the head of each leaf page.

A leaf page with as many keys as its bounds allow has all of them, provided that they ascend, which `LogBucket.batches`
checks later. So its first key and its element table are enough here, and the leaf pages below one branch page are
looked at together. Where the keys do not fill the bounds (a hole, the first and the last page of a log, damage), the
page is read element by element. Memory: four bytes for each leaf page, and one for each page of the file.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from itertools import accumulate
from operator import add, le
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ..._disk.errors import RESTORE, Corrupt
from ..base import workers as processes
from ..base.store import U64_LIMIT, Extent
from ..base.workers import Tell
from ..bbolt.format import ELEMENT_LEN, HEADER_LEN, LEAF_PAGE
from ..bbolt.pages import Children, Tree
from .log import EXTENT_LEN, KEY, PAGE_IDS, LogBucket, Place

SHARED_MIN = 32 << 20  # a smaller file is not worth another process
TREES_PER_WORKER = 4  # trees are not equally large
TOGETHER = 256  # leaf pages: more than below a branch page of 4 KiB; for larger pages it bounds the memory
_FRONT = struct.Struct("<QHHI4xII4x")  # a page header; of the first element position and key length
_TABLE_END = struct.Struct("<4xIII8s")  # of the last element position, key length, value length; the first key
if _FRONT.size != HEADER_LEN + ELEMENT_LEN or _TABLE_END.size != ELEMENT_LEN + KEY.size:
    raise AssertionError("the records have other sizes than bbolt's")


class Runs(NamedTuple):
    """Consecutive entries from `first_index` on, one leaf page after the other.

    For each page: the number of entries, and the length of their elements, keys and values.
    """

    first_index: int
    counts: Sequence[int]
    data_lens: Sequence[int]


class Stretch(NamedTuple):
    """Consecutive entries of one leaf page, after `skip` others; `data_len` is their elements, keys and values."""

    first_index: int
    entry_count: int
    data_len: int
    skip: int


def survey(log: LogBucket, workers: int = 1) -> List[Extent]:
    """All entries as extents of about two megabytes, none with a hole. Raises Corrupt.

    With more than one worker, each surveys some branches of a large log.
    """
    if workers <= 1 or log.len_max < SHARED_MIN:
        return _look(log, log.trees(1)[0])

    def look(tree: Tree, _tell: Tell) -> Any:
        taken = log.taken
        extents = _look(log, tree)
        plain = [[*extent[:3], extent.place.page_ids.tobytes().hex(), extent.place.skip] for extent in extents]
        return log.taken - taken, plain

    trees = log.trees(TREES_PER_WORKER * workers)
    taken, found = log.taken, processes.run(trees, look, workers, lambda _entries, _length: None)
    log.check_taken(taken + sum(count for count, _extents in found))
    together: List[Extent] = []
    while found:
        for first_index, count, data_len, page_ids, skip in found.pop(0)[1]:
            together.append(Extent(first_index, count, data_len, Place(array(PAGE_IDS, bytes.fromhex(page_ids)), skip)))
    return together


def _look(log: LogBucket, tree: Tree) -> List[Extent]:
    found = _Extents()
    for page_ids, numbers in _bounded(log, tree):
        runs = _full_runs(log, page_ids, numbers, found.next_index)
        if runs is not None:
            found.add(page_ids, runs)
            continue
        for page_id, lower, upper in zip(page_ids, numbers, numbers[1:]):
            for run in _strict_runs(log, page_id):
                end = run.first_index + run.entry_count
                if not max(lower, found.next_index) <= run.first_index < end <= upper:
                    possible = f"{max(lower, found.next_index)} to {upper - 1}"
                    what = f"entries {run.first_index} to {end - 1} where only {possible} can be"
                    raise Corrupt(what, log.path, log.page_off(page_id), RESTORE)
                found.add([page_id], Runs(run.first_index, [run.entry_count], [run.data_len]), run.skip)
    return found.finished()


def _bounded(log: LogBucket, tree: Tree) -> Iterator[Tuple[Sequence[int], Sequence[int]]]:
    """Leaf pages to look at together, with their `_bounds`."""
    for children in log.leaves(tree):
        numbers = _bounds(log, children)
        for start in range(0, len(children.page_ids), TOGETHER):
            stop = start + TOGETHER
            yield children.page_ids[start:stop], numbers[start : stop + 1]


def _bounds(log: LogBucket, children: Children) -> List[int]:
    """The least index that each of these leaf pages may have, then the first that is too large for the last page."""
    numbers: List[int] = []
    if set(map(len, children.lowers)) == {KEY.size}:
        numbers += struct.unpack(f">{len(children.lowers)}Q", b"".join(children.lowers))
    for key in [*children.lowers[len(numbers) :], children.upper]:
        if not key:
            numbers.append(0 if key is not None else U64_LIMIT)  # no bound
        elif len(key) == KEY.size:
            numbers.append(KEY.unpack(key)[0])
        else:
            what = f"a branch page of the log has a key {key!r} that is not an index"
            raise Corrupt(what, log.path, children.branch_off, RESTORE)
    return numbers


def _full_runs(log: LogBucket, page_ids: Sequence[int], numbers: Sequence[int], least: int) -> Optional[Runs]:
    """The entries of these leaf pages; None if one page does not fill its bounds. Their overflow pages are taken.

    After None, `_strict_runs` reads all of them and takes the overflow pages.
    """
    heads = log.heads(page_ids)
    head_len = min(map(len, heads))
    if head_len < _FRONT.size:
        return None
    ids, flags, counts, overflows, first_poss, first_key_lens = zip(*map(_FRONT.unpack_from, heads))
    table_lens = [ELEMENT_LEN * count for count in counts]
    if (
        ids != tuple(page_ids) or flags.count(LEAF_PAGE) != len(heads) or 0 in counts
        or HEADER_LEN + max(table_lens) + KEY.size > head_len
    ):  # fmt: skip
        return None
    last_poss, last_key_lens, last_value_lens, first_keys = zip(*map(_TABLE_END.unpack_from, heads, table_lens))
    firsts = struct.unpack(f">{len(heads)}Q", b"".join(first_keys))
    data_lens = [
        table_len - ELEMENT_LEN + pos + KEY.size + length
        for table_len, pos, length in zip(table_lens, last_poss, last_value_lens)
    ]
    page_len = log.group_len(0)
    if (
        tuple(map(add, firsts, counts)) != tuple(numbers[1:]) or firsts[1:] != tuple(numbers[1:-1])
        or firsts[0] < max(least, numbers[0])
        or first_poss != tuple(table_lens)
        or first_key_lens.count(KEY.size) != len(heads) or last_key_lens.count(KEY.size) != len(heads)
        or not all(map(le, data_lens, [page_len * (1 + overflow) - HEADER_LEN for overflow in overflows]))
    ):  # fmt: skip
        return None
    log.take_overflows(page_ids, overflows)
    return Runs(firsts[0], counts, data_lens)


def _strict_runs(log: LogBucket, page_id: int) -> List[Stretch]:
    """The runs of a leaf page whose keys do not fill its bounds. Raises its error, if it has one."""
    runs: List[Stretch] = []
    for number, (index, _value_pos, value_len) in enumerate(log.elements(page_id, take=True)):
        data_len = ELEMENT_LEN + KEY.size + value_len
        if runs and index == runs[-1].first_index + runs[-1].entry_count:
            first_index, entry_count, run_len, skip = runs[-1]
            runs[-1] = Stretch(first_index, entry_count + 1, run_len + data_len, skip)
        else:
            runs.append(Stretch(index, 1, data_len, number))
    return runs


class _Extents:
    """Joins runs into extents: a new extent begins after a hole, and when the last one is long enough."""

    def __init__(self) -> None:
        self.next_index = 1  # the least that can come
        self._extents: List[Extent] = []
        self._first_index = self._data_len = 0
        self._place = Place(array(PAGE_IDS), 0)

    def add(self, page_ids: Sequence[int], runs: Runs, skip: int = 0) -> None:
        """Add the entries of these pages. The first page has `skip` other entries before them."""
        indexes = list(accumulate(runs.counts, initial=runs.first_index))
        ends = list(accumulate(runs.data_lens, initial=0))
        start = 0
        while start < len(page_ids):
            if indexes[start] != self.next_index or self._data_len >= EXTENT_LEN or not self._data_len:
                self.finished()
                self._first_index, self._place = indexes[start], Place(array(PAGE_IDS), skip)
            stop = bisect_left(ends, ends[start] + EXTENT_LEN - self._data_len, start + 1, len(page_ids))
            self._place.page_ids.extend(page_ids[start:stop])
            self._data_len += ends[stop] - ends[start]
            self.next_index = indexes[stop]
            start = stop

    def finished(self) -> List[Extent]:
        """All extents."""
        if self._data_len:
            count = self.next_index - self._first_index
            self._extents.append(Extent(self._first_index, count, self._data_len, self._place))
            self._data_len = 0
        return self._extents
