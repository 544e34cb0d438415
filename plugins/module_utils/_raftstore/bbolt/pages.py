# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of a bbolt file and the trees they form, read through an open descriptor.

Reading uses pread, never mmap (a truncated file would then kill the process), and holds at most one page with its
overflow, or a window of some megabytes. Every page read is checked: its place, its kind, the order and
bounds of its keys, and that no page is used twice.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from operator import lt
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ..._disk.durable import read_exact
from ..._disk.errors import RESTORE, Corrupt, Unsupported, corrupt, located
from . import format as bbolt
from .format import BRANCH_PAGE, FREELIST_PAGE, HEADER_LEN, LEAF_PAGE
from .meta import choose_meta
from .pageset import PageSet

WINDOW_LEN = 2 << 20  # like an extent; of 1, 2 and 4 MiB the fastest for long entries
MAX_GROUP_LEN = 16 << 20  # of a page with overflow parsed as a whole: no branch, bucket list or JSON is longer
_MAX_DEPTH = 32  # with two children per branch, any file is full before that
_SPARSE_PAGES = 16  # a window is read as a whole if at least every 16th of its pages is wanted
_AHEAD_LEN = 16 << 20  # read ahead at once, at most
_DENSE = 4  # pages: if at least every fourth is wanted, reading all is faster than one by one
_DENSE_LEN = 4 << 20  # read this way, at most
_IDS_PER_READ = 1 << 16


class Children(NamedTuple):
    """The children of one lowest branch page: their ids, the lower bound of the keys of each, the upper bound of all.

    `upper` is exclusive; None means no bound. A tree of one leaf is one such run without a lower bound (b"").
    `branch_off` is the offset of the branch page.
    """

    page_ids: List[int]
    lowers: List[bytes]
    upper: Optional[bytes]
    branch_off: int


class Tree(NamedTuple):
    """The part of a tree from page `page_id` down, with `depth` levels of branch pages. The page is taken.

    `upper` is as above.
    """

    page_id: int
    depth: int
    lower: bytes
    upper: Optional[bytes]


class Window(NamedTuple):
    """A piece of the file, `buf`, from `base_off` on, and the leaf pages that start in it, as (page id, position)."""

    buf: bytes
    base_off: int
    leaves: List[Tuple[int, int]]


class FileView:
    """A piece of a file that is read where it is sliced. Raises Corrupt if the file ends too early."""

    def __init__(self, fd: int, path: str, base_off: int) -> None:
        self._fd = fd
        self._path = path
        self._base_off = base_off

    def __getitem__(self, piece: slice) -> bytes:
        return read_exact(self._fd, piece.stop - piece.start, self._base_off + piece.start, self._path)


class Pages:
    """The pages of a bbolt file, opened for reading on the descriptor `fd`, which stays the caller's; `path` is for
    messages.

    `notes` says what is unusual but not wrong: the older meta page is in force because the newer one is damaged.
    """

    def __init__(self, fd: int, path: str) -> None:
        self.fd = fd
        self.path = path
        self.meta, self.notes = choose_meta(fd, path)
        self.page_size = self.meta.page_size
        self._pages = PageSet(self.meta.high_water)
        self._check_freelist()

    def _check_freelist(self) -> None:
        """Take the freelist's pages and the free ones, to find later a page that is both in use and free."""
        page_id = self.meta.freelist_id
        if page_id == bbolt.FREELIST_NOT_STORED:
            return
        off = page_id * self.page_size
        head = self._read(HEADER_LEN + 8, off)
        with located(self.path, off):
            header = bbolt.parse_page_header(head, 0, page_id, (FREELIST_PAGE,))
            self._pages.add(page_id, 1 + header.overflow, 0)
            pos, count = HEADER_LEN, header.element_count
            if count == bbolt.COUNT_ESCAPE:
                (count,) = bbolt.META_CHECKSUM.unpack_from(head, pos)
                pos += 8
            if pos + count * 8 > (1 + header.overflow) * self.page_size:
                raise corrupt(f"a freelist of {count} ids does not fit into its page", 0)
        previous = 0
        for start in range(0, count, _IDS_PER_READ):
            ids_off = off + pos + start * 8
            ids = self._read(8 * min(_IDS_PER_READ, count - start), ids_off)
            with located(self.path, ids_off):
                for (free_id,) in bbolt.META_CHECKSUM.iter_unpack(ids):
                    if free_id <= previous:
                        raise corrupt(f"the freelist has {free_id} after {previous}", 0)
                    self._pages.add(free_id, 1, 0)
                    previous = free_id

    def check_all_taken(self) -> None:
        """Check, once all trees are walked, that each page is in use or free. Raises Corrupt.

        A flipped bit in a bucket's root page id can name a part of its tree, which then looks whole. Without a stored
        freelist this cannot be seen.
        """
        page_id = self._pages.without_owner()
        if page_id is not None and self.meta.freelist_id != bbolt.FREELIST_NOT_STORED:
            what = f"page {page_id} is neither in use nor free: part of what this file held can no longer be reached"
            raise Corrupt(what, self.path, page_id * self.page_size, RESTORE)

    @property
    def taken(self) -> int:
        """The number of pages that this process has taken."""
        return self._pages.count

    def check_taken(self, count: int) -> None:
        """Check that all processes, which together took `count` pages, took none twice. Raises Corrupt."""
        with located(self.path):
            self._pages.check_count(count)

    def _read(self, length: int, off: int) -> bytes:
        return read_exact(self.fd, length, off, self.path)

    def view(self, page_id: int) -> FileView:
        """The file from this page on, read where it is sliced."""
        return FileView(self.fd, self.path, page_id * self.page_size)

    def take_overflows(self, page_ids: Sequence[int], overflows: Sequence[int]) -> None:
        """Note how many overflow pages each of these pages has. Raises Corrupt if one is already in use."""
        with located(self.path):
            for page_id, overflow in zip(page_ids, overflows):
                if overflow:
                    self._pages.add(page_id + 1, overflow, page_id * self.page_size)

    def group(self, page_id: int, kind: int) -> bytes:
        """A page of this kind with its overflow, as one buffer. The overflow pages are taken."""
        buf = self._read(self.page_size, page_id * self.page_size)
        with located(self.path, page_id * self.page_size):
            header = bbolt.parse_page_header(buf, 0, page_id, (kind,))
            length = (1 + header.overflow) * self.page_size
            if length > max(MAX_GROUP_LEN, self.page_size):
                raise Unsupported(f"page {page_id} has {length} bytes; at most {MAX_GROUP_LEN} are read", offset=0)
        if header.overflow:
            self.take_overflows([page_id], [header.overflow])
            buf += self._read(length - len(buf), page_id * self.page_size + len(buf))
        return buf

    def _depth(self, root_id: int) -> int:
        """Number of branch levels above the leaves, seen on the way to the first leaf."""
        page_id = root_id
        for depth in range(_MAX_DEPTH):
            off = page_id * self.page_size
            head = self._read(HEADER_LEN + bbolt.ELEMENT_LEN, off)
            with located(self.path, off):
                header = bbolt.parse_page_header(head, 0, page_id, (BRANCH_PAGE, LEAF_PAGE))
                if header.flags == LEAF_PAGE:
                    return depth
                _pos, _ksize, page_id = bbolt.BRANCH_ELEMENT.unpack_from(head, HEADER_LEN)
                if not bbolt.FIRST_FREE_PAGE <= page_id < self.meta.high_water:
                    raise corrupt(f"the first child is said to be page {page_id}, outside the pages in use", HEADER_LEN)
        raise Corrupt(f"a tree of more than {_MAX_DEPTH} levels", self.path, root_id * self.page_size, RESTORE)

    def tree(self, root_id: int, named_off: int) -> Tree:
        """The tree whose root is named at an offset."""
        with located(self.path, named_off):
            self._pages.add(root_id, 1, 0)
        return Tree(root_id, self._depth(root_id), b"", None)

    def branches(self, tree: Tree) -> Iterator[Tree]:
        """The trees below the root of a tree with at least two levels of branch pages."""
        page_ids, lowers, last_upper, _branch_off = self._children(tree)
        for page_id, lower, upper in zip(page_ids, lowers, [*lowers[1:], last_upper]):
            yield Tree(page_id, tree.depth - 1, lower, upper)

    def leaves(self, tree: Tree) -> Iterator[Children]:
        """The leaf pages of a tree in order, one run per lowest branch page. They are taken, but not yet read."""
        if tree.depth < 2:
            yield self._children(tree)
            return
        for branch in self.branches(tree):
            yield from self.leaves(branch)

    def _children(self, tree: Tree) -> Children:
        """The pages below the root of a tree; the root itself if it is a leaf. The pages are taken here."""
        page_id, depth, lower, upper = tree
        off = page_id * self.page_size
        if depth == 0:
            return Children([page_id], [lower], upper, off)
        group = self.group(page_id, BRANCH_PAGE)
        with located(self.path, off):
            children = bbolt.parse_branch(group, 0, len(group))
            if children[0][0] < lower or (upper is not None and children[-1][0] >= upper):
                raise corrupt("the keys of this branch page are outside the bounds that its parent gives", 0)
            page_ids = [child for _key, child in children]
            self._pages.add_each(page_ids, 0)
        return Children(page_ids, [key for key, _child in children], upper, off)

    def windows(self, page_ids: Sequence[int], group_pages: int = 1) -> Iterator[Window]:
        """These pages in this order, neighbours in the file read together. A window may end within a page's overflow.

        `group_pages` is how many pages most of them take with their overflow; that many are read after the last one.
        Pages too far apart are read one by one: no order of pages can make us read the file again and again.
        """
        size = self.page_size
        span_max = max(1, WINDOW_LEN // size)
        behind = group_pages - 1 if group_pages <= span_max else 0
        start = 0
        while start < len(page_ids):
            count, low, high = _together(page_ids[start : start + span_max], span_max, behind)
            stop = start + count
            base_off = low * size
            buf = self._read((min(high + 1 + behind, self.meta.high_water) - low) * size, base_off)
            yield Window(buf, base_off, [(page_id, page_id * size - base_off) for page_id in page_ids[start:stop]])
            start = stop

    def heads(self, page_ids: Sequence[int], length: int) -> List[bytes]:
        """The first bytes of these pages, at most a page each; the kernel reads ahead what is near."""
        size, low = self.page_size, min(page_ids)
        span = max(page_ids) + 1 - low
        length = min(length, size)
        if span <= min(_DENSE * len(page_ids), _DENSE_LEN // size):
            buf = self._read(span * size, low * size)
            return [buf[pos : pos + length] for pos in [(page_id - low) * size for page_id in page_ids]]
        if span * size <= _AHEAD_LEN:
            os.posix_fadvise(self.fd, low * size, span * size, os.POSIX_FADV_WILLNEED)
        return [self._read(length, page_id * size) for page_id in page_ids]


def _together(page_ids: Sequence[int], span_max: int, behind: int) -> Tuple[int, int, int]:
    """(number, lowest, highest) of the leading pages that are near enough to each other to be read at once."""
    sparse = _SPARSE_PAGES * (1 + behind)
    some = page_ids[: bisect_left(page_ids, page_ids[0] + span_max - behind)]  # if they ascend, as most do
    if some and all(map(lt, some, some[1:])) and some[-1] - some[0] + 1 + behind <= min(span_max, len(some) * sparse):
        return len(some), some[0], some[-1]
    count, low, high = 1, page_ids[0], page_ids[0]
    for page_id in page_ids[1:]:
        new_low, new_high = min(low, page_id), max(high, page_id)
        span = new_high - new_low + 1 + behind
        if span > span_max or span > (count + 1) * sparse:
            break
        count, low, high = count + 1, new_low, new_high
    return count, low, high
