# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pages of a bbolt file have an owner. Several processes can find out together."""

from __future__ import annotations

import mmap
from typing import Optional, Sequence

from ..._disk.errors import corrupt
from .format import FIRST_FREE_PAGE

_PIECE_LEN = 1 << 16


class PageSet:
    """Page ids that have an owner, one byte each: cycles and shared pages are found in bounded memory.

    Processes forked later share the bytes, not `count`, the number of pages that this process has taken.
    """

    def __init__(self, high_water: int) -> None:
        self._high_water = high_water
        self._owned = mmap.mmap(-1, high_water)
        self.count = 0

    def add(self, first: int, count: int, pos: int) -> None:
        """Take pages first .. first+count-1. Raises Corrupt (at `pos`) if one is outside the file or has an owner."""
        if first < FIRST_FREE_PAGE or first + count > self._high_water:
            pages = f"page {first}" if count == 1 else f"pages {first} to {first + count - 1}"
            raise corrupt(f"{pages} referred to, but only 2 to {self._high_water - 1} are in use", pos)
        owned = self._owned
        if count == 1 and not owned[first]:  # the usual case, several times faster than below
            owned[first] = 1
            self.count += 1
            return
        page_id = owned.find(b"\1", first, first + count)
        if page_id >= 0:
            raise corrupt(f"page {page_id} is used twice, or used and free at the same time", pos)
        for start in range(first, first + count, _PIECE_LEN):
            stop = min(start + _PIECE_LEN, first + count)
            owned[start:stop] = b"\1" * (stop - start)
        self.count += count

    def add_each(self, page_ids: Sequence[int], pos: int) -> None:
        """Take each of these pages, as `add` does."""
        owned, last = self._owned, self._high_water - 1
        for page_id in page_ids:
            if not FIRST_FREE_PAGE <= page_id <= last or owned[page_id]:
                self.add(page_id, 1, pos)  # raises, saying what is wrong
            owned[page_id] = 1
        self.count += len(page_ids)

    def check_count(self, count: int) -> None:
        """Check that all processes together have taken `count` pages, so no two took the same one. Raises Corrupt."""
        starts = range(0, self._high_water, _PIECE_LEN)
        if count != sum(self._owned[start : start + _PIECE_LEN].count(1) for start in starts):
            raise corrupt("a page of the log is used twice", 0)

    def without_owner(self) -> Optional[int]:
        """The first page without an owner, or None."""
        page_id = self._owned.find(b"\0", FIRST_FREE_PAGE)
        return page_id if page_id >= 0 else None
