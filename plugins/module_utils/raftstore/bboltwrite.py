# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a whole bbolt file in one pass, with full pages: what bbolt itself would open, check and go on writing.

It writes through the `NewFile` that it is given and publishes nothing. Rules that bbolt demands and that are easy to
miss (bbolt node.go, bucket.go, db.go): at least two children in every branch page, all leaves at the same depth, and a
file no shorter than the pages in use.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Sequence, Tuple

from . import bbolt
from .bbolt import FREELIST_PAGE, HEADER_LEN, Meta
from .durable import NewFile


class DatabaseWriter:
    """Makes a bbolt file in one pass: every page is written once, the metas last and after all else is on disk.

    Pages 0 and 1 are the metas, page 2 is an empty freelist, then come the buckets in the order in which they are put,
    then the root. Nothing is kept but one page and the parents' keys. Keys must come strictly ascending.
    """

    def __init__(self, file: NewFile, page_size: int) -> None:
        self._file = file
        self._page_size = page_size
        self._next_id = 3
        self._buckets: Dict[bytes, bytes] = {}

    def put_sorted(self, bucket: bytes, items: Iterable[Tuple[bytes, bytes]]) -> None:
        """Write a bucket of these (key, value): inside the root page when bbolt would, else in pages of its own."""
        leaves: List[Tuple[bytes, int]] = []
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
        self._buckets[bucket] = bbolt.BUCKET_HEADER.pack(self._put_branches(leaves), 0)

    def finish(self) -> None:
        """Write the root, sync, write the metas, sync. The newest meta is page 0: the next commit overwrites page 1."""
        root_id = self._put_leaf([(bbolt.BUCKET_FLAG, name, self._buckets[name]) for name in sorted(self._buckets)])
        freelist = bbolt.PAGE_HEADER.pack(2, FREELIST_PAGE, 0, 0)
        self._file.write_at(2 * self._page_size, [freelist.ljust(self._page_size, b"\0")])
        self._file.sync()
        metas = [Meta(self._page_size, root_id, 2, self._next_id, txid) for txid in (2, 1)]
        self._file.write_at(0, [bbolt.render_meta(meta, page_id) for page_id, meta in enumerate(metas)])
        self._file.sync()

    def _put_branches(self, children: List[Tuple[bytes, int]]) -> int:
        """Write the levels above these pages; the id of the topmost. bbolt needs two children in every branch page."""
        while len(children) > 1:
            key_len = max(len(key) for key, _child in children)
            fan_out = max(3, (self._page_size - HEADER_LEN) // (bbolt.ELEMENT_LEN + key_len))
            count = -(-len(children) // min(fan_out, bbolt.COUNT_ESCAPE - 1))
            cuts = [len(children) * number // count for number in range(count + 1)]
            level: List[Tuple[bytes, int]] = []
            for start, stop in zip(cuts, cuts[1:]):
                page = children[start:stop]
                overflow = self._overflow(bbolt.branch_len(page))
                level.append((page[0][0], self._put(bbolt.render_branch(self._next_id, page, overflow), overflow)))
            children = level
        return children[0][1]

    def _put_leaf(self, page: Sequence[Tuple[int, bytes, bytes]]) -> int:
        overflow = self._overflow(bbolt.leaf_len(page))
        return self._put(bbolt.render_leaf(self._next_id, page, overflow), overflow)

    def _overflow(self, length: int) -> int:
        return (length - 1) // self._page_size

    def _put(self, page: bytes, overflow: int) -> int:
        page_id = self._next_id
        self._file.write_at(page_id * self._page_size, [page.ljust((1 + overflow) * self._page_size, b"\0")])
        self._next_id += 1 + overflow
        return page_id
