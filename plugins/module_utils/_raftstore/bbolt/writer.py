# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a whole bbolt file in one pass, with full pages. bbolt itself opens it, accepts it and goes on writing to it.

It writes through the `NewFile` that it is given and publishes nothing. Rules of bbolt that are easy to
miss (bbolt node.go, bucket.go, db.go): at least two children in every branch page, all leaves at the same depth, and a
file no shorter than the pages in use.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from ..._disk.durable import NewFile
from . import format as bbolt
from .format import FREELIST_PAGE, HEADER_LEN, Meta

FIRST_ID = 3  # 0 and 1 are the metas, 2 is the freelist
Child = Tuple[bytes, int]
"""The lowest key of a page, and its id."""


class PageIds:
    """Gives out page ids without gaps: a gap would be a page that is neither used nor free."""

    def __init__(self) -> None:
        self._next_id = FIRST_ID

    def take(self, number: int) -> int:
        """The first of the next `number` ids; with 0, the next id."""
        first = self._next_id
        self._next_id += number
        return first


class DatabaseWriter:
    """Makes a bbolt file in one pass: every page is written once, the metas last, after everything else is on disk.

    Pages 0 and 1 are the metas, page 2 is an empty freelist, then come the buckets in the order in which they are put,
    then the root. Only one page and the parents' keys are kept. Keys must come strictly ascending. `take` gives
    out page ids, from FIRST_ID on; it is needed when several processes write pages of this file.
    """

    def __init__(self, file: NewFile, page_size: int, take: Optional[Callable[[int], int]] = None) -> None:
        self._file = file
        self._page_size = page_size
        self._take = take or PageIds().take
        self._buckets: Dict[bytes, bytes] = {}

    def put_sorted(self, bucket: bytes, items: Iterable[Tuple[bytes, bytes]]) -> None:
        """Write a bucket of these (key, value): inside the root page when bbolt would, else in pages of its own."""
        leaves: List[Child] = []
        page: List[Tuple[int, bytes, bytes]] = []
        page_len = HEADER_LEN
        for key, value in items:
            item_len = bbolt.ELEMENT_LEN + len(key) + len(value)
            if page and (page_len + item_len > self._page_size or len(page) == bbolt.COUNT_ESCAPE - 1):
                leaves.append((page[0][1], self._put_leaf(page)))
                page, page_len = [], HEADER_LEN
            page.append((0, key, value))
            page_len += item_len
        if not leaves and page_len <= self._page_size // 4:
            self._buckets[bucket] = bbolt.BUCKET_HEADER.pack(0, 0) + bbolt.render_leaf(0, page)
            return
        leaves.append((page[0][1], self._put_leaf(page)))
        self.put_tree(bucket, leaves)

    def put_tree(self, bucket: bytes, children: List[Child]) -> None:
        """Make a bucket of pages that are already written: all its leaves, or all its branch pages of one level."""
        while len(children) > 1:
            children = self.put_branches(children)
        self._buckets[bucket] = bbolt.BUCKET_HEADER.pack(children[0][1], 0)

    def finish(self) -> None:
        """Write the root, sync, write the metas, sync. The newest meta is page 0: the next commit overwrites page 1."""
        root_id = self._put_leaf([(bbolt.BUCKET_FLAG, name, self._buckets[name]) for name in sorted(self._buckets)])
        freelist = bbolt.PAGE_HEADER.pack(2, FREELIST_PAGE, 0, 0)
        self._file.write_at(2 * self._page_size, [freelist.ljust(self._page_size, b"\0")])
        self._file.sync()
        metas = [Meta(self._page_size, root_id, 2, self._take(0), txid) for txid in (2, 1)]
        self._file.write_at(0, [bbolt.render_meta(meta, page_id) for page_id, meta in enumerate(metas)])
        self._file.sync()

    def fan_out(self, key_len: int) -> int:
        """Number of children that fit into a branch page."""
        children = max(3, (self._page_size - HEADER_LEN) // (bbolt.ELEMENT_LEN + key_len))
        return min(children, bbolt.COUNT_ESCAPE - 1)

    def put_branches(self, children: Sequence[Child]) -> List[Child]:
        """Write the branch pages above two or more pages of one level. bbolt needs two children in each branch page."""
        pages = -(-len(children) // self.fan_out(max(len(key) for key, _child in children)))
        cuts = [len(children) * number // pages for number in range(pages + 1)]
        level: List[Child] = []
        for start, stop in zip(cuts, cuts[1:]):
            page = children[start:stop]
            overflow = self._overflow(bbolt.branch_len(page))
            page_id = self._take(1 + overflow)
            level.append((page[0][0], self._put(page_id, bbolt.render_branch(page_id, page, overflow), overflow)))
        return level

    def _put_leaf(self, page: Sequence[Tuple[int, bytes, bytes]]) -> int:
        overflow = self._overflow(bbolt.leaf_len(page))
        page_id = self._take(1 + overflow)
        return self._put(page_id, bbolt.render_leaf(page_id, page, overflow), overflow)

    def _overflow(self, length: int) -> int:
        return (length - 1) // self._page_size

    def _put(self, page_id: int, page: bytes, overflow: int) -> int:
        self._file.write_at(page_id * self._page_size, [page.ljust((1 + overflow) * self._page_size, b"\0")])
        return page_id
