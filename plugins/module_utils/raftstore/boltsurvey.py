# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which entries the bucket `logs` of raft.db has, and where, from its branch pages and the head of each leaf page.

A leaf page that has as many keys as its bounds leave room for has all of them, once `LogBucket.batches` has seen that
they ascend. So its first key and its element table are enough here, and the leaf pages below one branch page are looked
at together. Where the keys do not fill the bounds (a hole, the first and the last page of a log, damage), the page is
looked at element by element. Of pages and extents eight bytes for each page are remembered.
"""

from __future__ import annotations

import struct
from array import array
from itertools import repeat
from operator import add, ge, le
from typing import List, NamedTuple, Optional, Sequence

from .bbolt import ELEMENT_LEN, HEADER_LEN, LEAF_PAGE, RESTORE
from .bboltfile import Children
from .boltlog import EXTENT_LEN, KEY, LogBucket, Place
from .errors import Corrupt
from .store import Extent

_NO_BOUND = 1 << 64


class Run(NamedTuple):
    """Consecutive entries of one leaf page, behind `skip` others; `data_len` is their elements, keys and values."""

    first_index: int
    entry_count: int
    data_len: int
    skip: int


def survey(log: LogBucket) -> List[Extent]:
    """All entries as extents of about a megabyte, none with a hole. Raises Corrupt."""
    found = _Extents()
    for children in log.leaves():
        numbers = _bounds(log, children)
        runs = _full_runs(log, children.page_ids, numbers, found.next_index)
        if runs is not None:
            found.add_all(children.page_ids, runs)
            continue
        for page_id, lower, upper in zip(children.page_ids, numbers, numbers[1:]):
            for run in _strict_runs(log, page_id):
                end = run.first_index + run.entry_count
                if not max(lower, found.next_index) <= run.first_index < end <= upper:
                    possible = f"{max(lower, found.next_index)} to {upper - 1}"
                    what = f"entries {run.first_index} to {end - 1} where only {possible} can be"
                    raise Corrupt(what, log.path, log.page_off(page_id), RESTORE)
                found.add_all([page_id], [run])
    return found.finished()


def _bounds(log: LogBucket, children: Children) -> List[int]:
    """The least index that each of these leaf pages may have, and last the one that is too large for all."""
    numbers: List[int] = []
    if set(map(len, children.lowers)) == {KEY.size}:
        numbers += struct.unpack(f">{len(children.lowers)}Q", b"".join(children.lowers))
    for key in [*children.lowers[len(numbers) :], children.upper]:
        if not key:
            numbers.append(0 if key is not None else _NO_BOUND)
        elif len(key) == KEY.size:
            numbers.append(KEY.unpack(key)[0])
        else:
            what = f"a branch page of the log has a key {key!r} that is no index"
            raise Corrupt(what, log.path, children.branch_off, RESTORE)
    return numbers


def _full_runs(log: LogBucket, page_ids: Sequence[int], numbers: Sequence[int], least: int) -> Optional[List[Run]]:
    """One run for each of these leaf pages, whose overflow pages are taken; None when one does not fill its bounds.

    `None` leaves all of them to `_strict_runs`; overflow pages are then taken there.
    """
    heads = log.heads(page_ids)
    fields = struct.unpack("<" + "QHHI" * len(heads), b"".join([head[:HEADER_LEN] for head in heads]))
    counts, overflows = fields[2::4], fields[3::4]
    ends = [HEADER_LEN + ELEMENT_LEN * count for count in counts]
    if (
        fields[0::4] != tuple(page_ids) or fields[1::4].count(LEAF_PAGE) != len(heads) or 0 in counts
        or not all(map(le, [end + KEY.size for end in ends], map(len, heads)))
    ):  # fmt: skip
        return None
    first_keys = [head[end : end + KEY.size] for head, end in zip(heads, ends)]
    firsts = struct.unpack(f">{len(heads)}Q", b"".join(first_keys))
    edges = [
        head[HEADER_LEN : HEADER_LEN + ELEMENT_LEN] + head[end - ELEMENT_LEN : end] for head, end in zip(heads, ends)
    ]
    elements = struct.unpack("<" + "8I" * len(heads), b"".join(edges))
    data_lens = [
        ELEMENT_LEN * (count - 1) + pos + KEY.size + length
        for count, pos, length in zip(counts, elements[5::8], elements[7::8])
    ]
    page_len = log.group_len(0)
    if (
        tuple(map(add, firsts, counts)) != tuple(numbers[1:]) or not all(map(ge, firsts, numbers)) or firsts[0] < least
        or elements[1::8] != tuple(ELEMENT_LEN * count for count in counts)
        or elements[2::8].count(KEY.size) != len(heads) or elements[6::8].count(KEY.size) != len(heads)
        or not all(map(le, data_lens, [page_len * (1 + overflow) - HEADER_LEN for overflow in overflows]))
    ):  # fmt: skip
        return None
    for page_id, overflow in zip(page_ids, overflows):
        if overflow:
            log.take_overflow(page_id, overflow)
    return list(map(Run, firsts, counts, data_lens, repeat(0)))


def _strict_runs(log: LogBucket, page_id: int) -> List[Run]:
    """The runs of a leaf page whose keys do not fill its bounds, or with an error, which is raised."""
    runs: List[Run] = []
    for number, (index, _value_pos, value_len) in enumerate(log.elements(page_id, take=True)):
        data_len = ELEMENT_LEN + KEY.size + value_len
        if runs and index == runs[-1].first_index + runs[-1].entry_count:
            first_index, entry_count, run_len, skip = runs[-1]
            runs[-1] = Run(first_index, entry_count + 1, run_len + data_len, skip)
        else:
            runs.append(Run(index, 1, data_len, number))
    return runs


class _Extents:
    """Runs that are put together: a new extent begins behind a hole, and when the last is long enough."""

    def __init__(self) -> None:
        self.next_index = 1  # the least that can come
        self._extents: List[Extent] = []
        self._first_index = self._data_len = 0
        self._place = Place(array("Q"), 0)

    def add_all(self, page_ids: Sequence[int], runs: Sequence[Run]) -> None:
        """Add the run of each of these pages."""
        for page_id, (first_index, entry_count, data_len, skip) in zip(page_ids, runs):
            if first_index != self.next_index or self._data_len >= EXTENT_LEN or not self._data_len:
                self.finished()
                self._first_index, self._place = first_index, Place(array("Q"), skip)
            self._place.page_ids.append(page_id)
            self._data_len += data_len
            self.next_index = first_index + entry_count

    def finished(self) -> List[Extent]:
        """All extents."""
        if self._data_len:
            count = self.next_index - self._first_index
            self._extents.append(Extent(self._first_index, count, self._data_len, self._place))
            self._data_len = 0
        return self._extents
