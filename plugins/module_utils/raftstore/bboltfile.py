# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a whole bbolt file through an open descriptor.

Reading uses pread, never mmap (a truncated file would then kill the process), and holds at most one page with its
overflow, or a window of about a megabyte. Every page that is passed is checked: its place, its kind, the order and
bounds of its keys, and that no page is used twice. What the keys mean is the caller's business. Data pages carry no
checksum, so a flipped bit inside a value cannot be seen here.
"""

from __future__ import annotations

import os
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from . import bbolt
from .bbolt import BRANCH_PAGE, FREELIST_PAGE, HEADER_LEN, LEAF_PAGE, corrupt
from .bboltmeta import choose_meta
from .durable import read_exact
from .errors import Corrupt, Unsupported, located

WINDOW_LEN = 1 << 20  # large enough for the kernel's read-ahead, small enough to stay in the processor's cache
MAX_GROUP_LEN = 16 << 20  # of a page with overflow that is parsed as a whole: no branch, bucket list or JSON is longer
# Only the root of a database without buckets is one: bbolt removes leaves that become empty, and inlines empty buckets.
EMPTY_LEAF = "a leaf page without keys, which bbolt never leaves"
_MAX_DEPTH = 32  # two children per branch fill any file before that
_SPARSE_PAGES = 16  # a window is read as a whole if at least every 16th of its pages is wanted
_AHEAD_LEN = 16 << 20  # at most read ahead at once
_DENSE = 2  # pages: if at least every second is wanted, reading all is faster than one by one
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


class Window(NamedTuple):
    """A piece of the file, `buf`, from `base_off` on, and the leaf pages that start in it as (page id, position)."""

    buf: bytes
    base_off: int
    leaves: List[Tuple[int, int]]


class Item(NamedTuple):
    """A key and its value; `value_off` is where in the file the value is."""

    is_bucket: bool
    key: bytes
    value: bytes
    value_off: int


class Bucket(NamedTuple):
    """Where a bucket is: on page `root_id`, or, when that is 0, inline: its only page is `image`, at `image_off`."""

    root_id: int
    image: bytes
    image_off: int

    @property
    def named_off(self) -> int:
        """Offset of the bucket's header."""
        return self.image_off - bbolt.BUCKET_HEADER.size

    def check_image(self) -> None:
        """Check an inline bucket as a whole; offsets are relative to the image. Raises Corrupt."""
        if len(self.image) < HEADER_LEN:
            raise corrupt(f"an inline bucket of {len(self.image)} bytes", 0)
        if bbolt.parse_page_header(self.image, 0, 0, (LEAF_PAGE,)).overflow:
            raise corrupt("an inline bucket with overflow pages", 0)
        elements = bbolt.parse_leaf(self.image, 0, len(self.image))
        end = elements[-1].value_pos + elements[-1].value_len if elements else HEADER_LEN
        if end != len(self.image):
            raise corrupt(f"{len(self.image) - end} bytes too many behind the last value of an inline bucket", end)


class FileView:
    """A piece of a file that is read where it is sliced. Raises Corrupt when the file ends before."""

    def __init__(self, fd: int, path: str, base_off: int) -> None:
        self._fd = fd
        self._path = path
        self._base_off = base_off

    def __getitem__(self, piece: slice) -> bytes:
        return read_exact(self._fd, piece.stop - piece.start, self._base_off + piece.start, self._path)


class Database:
    """A bbolt file, opened for reading on the descriptor `fd`, which stays the caller's; `path` is for messages.

    `notes` holds what is unusual but not wrong: that the older meta page is in force because the newer is damaged.
    """

    def __init__(self, fd: int, path: str) -> None:
        self.fd = fd
        self.path = path
        self.meta, self.notes = choose_meta(fd, path)
        self.page_size = self.meta.page_size
        self._pages = bbolt.PageSet(self.meta.high_water)
        self._check_freelist()

    def _check_freelist(self) -> None:
        """Take the freelist's pages and the free ones, so that a page in use that is also free is found later."""
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
        """Once all trees are walked: each page is in use or free. A flipped bit in a bucket's root page id can name a
        part of its tree, which then looks whole. Without a stored freelist this cannot be seen. Raises Corrupt."""
        page_id = self._pages.without_owner()
        if page_id is not None and self.meta.freelist_id != bbolt.FREELIST_NOT_STORED:
            what = f"page {page_id} is neither in use nor free: a part of what this file held is not reached any more"
            raise Corrupt(what, self.path, page_id * self.page_size, bbolt.RESTORE)

    # -- pages -----------------------------------------------------------------------------------------------------

    def _read(self, length: int, off: int) -> bytes:
        return read_exact(self.fd, length, off, self.path)

    def view(self, page_id: int) -> FileView:
        """The file from this page on, read where it is sliced."""
        return FileView(self.fd, self.path, page_id * self.page_size)

    def take(self, page_id: int, count: int, named_in: int) -> None:
        """Note that page `named_in` refers to these pages. Raises Corrupt when one is in use already."""
        with located(self.path, named_in * self.page_size):
            self._pages.add(page_id, count, 0)

    def _group(self, page_id: int, kind: int) -> bytes:
        """A page of this kind with its overflow, which is taken, as one buffer."""
        buf = self._read(self.page_size, page_id * self.page_size)
        with located(self.path, page_id * self.page_size):
            header = bbolt.parse_page_header(buf, 0, page_id, (kind,))
            length = (1 + header.overflow) * self.page_size
            if length > max(MAX_GROUP_LEN, self.page_size):
                raise Unsupported(f"page {page_id} has {length} bytes; at most {MAX_GROUP_LEN} are read", offset=0)
        if header.overflow:
            self.take(page_id + 1, header.overflow, page_id)
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
        raise Corrupt(f"a tree of more than {_MAX_DEPTH} levels", self.path, root_id * self.page_size, bbolt.RESTORE)

    def leaves(self, root_id: int, named_off: int) -> Iterator[Children]:
        """The leaf pages of the tree whose root is named at an offset, in order, one run per lowest branch page.

        They are not yet read; their ids are taken.
        """
        with located(self.path, named_off):
            self._pages.add(root_id, 1, 0)
        return self._walk(root_id, self._depth(root_id), b"", None)

    def _walk(self, page_id: int, depth: int, lower: bytes, upper: Optional[bytes]) -> Iterator[Children]:
        """The leaves below a page that is taken; its children's ids are taken here."""
        if depth == 0:
            yield Children([page_id], [lower], upper, page_id * self.page_size)
            return
        group = self._group(page_id, BRANCH_PAGE)
        with located(self.path, page_id * self.page_size):
            children = bbolt.parse_branch(group, 0, len(group))
            if children[0][0] < lower or (upper is not None and children[-1][0] >= upper):
                raise corrupt("the keys of this branch page are outside the bounds that its parent gives", 0)
            self._pages.add_each([child for _key, child in children], 0)
        lowers = [key for key, _child in children]
        if depth == 1:
            yield Children([child for _key, child in children], lowers, upper, page_id * self.page_size)
            return
        for (key, child), next_key in zip(children, [*lowers[1:], upper]):
            yield from self._walk(child, depth - 1, key, next_key)

    def windows(self, page_ids: Sequence[int], group_pages: int = 1) -> Iterator[Window]:
        """These pages in this order, neighbours in the file read together. A window may end within a page's overflow.

        `group_pages` is how many pages most of them take with their overflow; as many are read behind the last one.
        Where pages are too far apart each is read by itself, so that no order of pages makes us read the file again
        and again.
        """
        size = self.page_size
        span_max = max(1, WINDOW_LEN // size)
        behind = group_pages - 1 if group_pages <= span_max else 0
        start = 0
        while start < len(page_ids):
            low = high = page_ids[start]
            stop = start + 1
            for page_id in page_ids[start + 1 : start + span_max]:
                new_low, new_high = min(low, page_id), max(high, page_id)
                span = new_high - new_low + 1 + behind
                if span > span_max or span > (stop + 1 - start) * _SPARSE_PAGES * (1 + behind):
                    break
                low, high, stop = new_low, new_high, stop + 1
            base_off = low * size
            buf = self._read((min(high + 1 + behind, self.meta.high_water) - low) * size, base_off)
            yield Window(buf, base_off, [(page_id, page_id * size - base_off) for page_id in page_ids[start:stop]])
            start = stop

    def heads(self, page_ids: Sequence[int], length: int) -> List[bytes]:
        """The first bytes of these pages, at most a page each; the kernel reads ahead what is near."""
        size, low = self.page_size, min(page_ids)
        span = max(page_ids) + 1 - low
        length = min(length, size)
        if span <= min(_DENSE * len(page_ids), _AHEAD_LEN // size):
            buf = self._read(span * size, low * size)
            return [buf[pos : pos + length] for pos in [(page_id - low) * size for page_id in page_ids]]
        if span * size <= _AHEAD_LEN:
            os.posix_fadvise(self.fd, low * size, span * size, os.POSIX_FADV_WILLNEED)
        return [self._read(length, page_id * size) for page_id in page_ids]

    # -- keys and values -------------------------------------------------------------------------------------------

    def buckets(self) -> Dict[bytes, Bucket]:
        """The top-level buckets by name."""
        found: Dict[bytes, Bucket] = {}
        header_len = bbolt.BUCKET_HEADER.size
        for item in self._items(self.meta.root_id, self.meta.root_id * self.page_size):
            root_id = 0
            if item.is_bucket and len(item.value) >= header_len:
                root_id, _sequence = bbolt.BUCKET_HEADER.unpack_from(item.value)
            if not item.is_bucket or len(item.value) < header_len or (root_id and len(item.value) != header_len):
                what = f"the key {item.key!r} of the root, with a value of {len(item.value)} bytes, is no bucket"
                raise Corrupt(what, self.path, item.value_off, bbolt.RESTORE)
            found[item.key] = Bucket(root_id, item.value[header_len:], item.value_off + header_len)
        return found

    def items(self, bucket: Bucket) -> Iterator[Item]:
        """All keys and values of a bucket in order. For small buckets: the values of a whole page are held at once."""
        with located(self.path, bucket.image_off):
            if bucket.root_id:
                items = self._items(bucket.root_id, bucket.named_off)
            else:
                bucket.check_image()
                items = iter(_leaf_items(bucket.image, bucket.image_off, b"", None))
        for item in items:
            if item.is_bucket:
                raise Corrupt(f"{item.key!r} is a bucket in a bucket", self.path, item.value_off, bbolt.RESTORE)
            yield item

    def _items(self, root_id: int, named_off: int) -> Iterator[Item]:
        for children in self.leaves(root_id, named_off):
            uppers = [*children.lowers[1:], children.upper]
            for page_id, lower, upper in zip(children.page_ids, children.lowers, uppers):
                off = page_id * self.page_size
                buf = self._group(page_id, LEAF_PAGE)
                with located(self.path, off):
                    items = _leaf_items(buf, off, lower, upper)
                    if not items and page_id != self.meta.root_id:
                        raise corrupt(EMPTY_LEAF, 0)
                yield from items


def _leaf_items(buf: bytes, base_off: int, lower: bytes, upper: Optional[bytes]) -> List[Item]:
    elements = bbolt.parse_leaf(buf, 0, len(buf))
    if elements and (elements[0].key < lower or (upper is not None and elements[-1].key >= upper)):
        raise corrupt("the keys of this leaf page are outside the bounds that its parent gives", 0)
    return [Item(is_bucket, key, buf[pos : pos + length], base_off + pos) for is_bucket, key, pos, length in elements]
