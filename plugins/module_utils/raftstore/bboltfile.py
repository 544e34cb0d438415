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
from .bbolt import BRANCH_PAGE, FREELIST_PAGE, HEADER_LEN, LEAF_PAGE, META_PAGE, Meta, corrupt
from .durable import read_exact
from .errors import Corrupt, Unsupported, located

WINDOW_LEN = 1 << 20  # large enough for the kernel's read-ahead, small enough to stay in the processor's cache
MAX_GROUP_LEN = 64 << 20  # of a page with overflow that is parsed as a whole: no branch, bucket list or JSON is longer
_MAX_PAGES = 1 << 26  # 256 GiB of 4 KiB pages; bounds the page set to 8 MiB
_MAX_DEPTH = 32  # two children per branch fill any file before that
_SPARSE_PAGES = 16  # a window is read as a whole if at least every 16th of its pages is wanted
_IDS_PER_READ = 1 << 16


class Children(NamedTuple):
    """The children of one lowest branch page: their ids, the lower bound of the keys of each, the upper bound of all.

    `upper` is exclusive; None means no bound. A tree of one leaf is one such run without a lower bound (b"").
    """

    page_ids: List[int]
    lowers: List[bytes]
    upper: Optional[bytes]


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

    def check_image(self) -> None:
        """Check the page header of an inline bucket; its offset is relative to the image. Raises Corrupt."""
        if len(self.image) < HEADER_LEN:
            raise corrupt(f"an inline bucket of {len(self.image)} bytes", 0)
        if bbolt.parse_page_header(self.image, 0, 0, (LEAF_PAGE,)).overflow:
            raise corrupt("an inline bucket with overflow pages", 0)


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
        self.notes: List[str] = []
        self.file_len = os.fstat(fd).st_size
        self.meta = self._choose_meta()
        self.page_size = self.meta.page_size
        self._pages = bbolt.PageSet(self.meta.high_water)
        self._check_freelist()

    def _choose_meta(self) -> Meta:
        """The meta in force: of the valid ones that with the higher txid, as bbolt chooses."""
        errors: List[Corrupt] = []
        first = self._try_meta(0, errors)
        second, second_off = None, 0
        for second_off in [first.page_size] if first else bbolt.PAGE_SIZES:  # else the page size is found by trying
            second = self._try_meta(second_off, errors)
            if second:
                break
        found = [(meta, off) for meta, off in ((first, 0), (second, second_off)) if meta]
        if not found:
            raise Corrupt(f"no valid meta page: {errors[0].what}", self.path, errors[0].offset, errors[0].hint)
        if len(found) == 1:
            self.notes.append(f"one of the two meta pages is not valid, the other is in force: {errors[0]}")
        if second and second.page_size != second_off:
            raise Corrupt(f"this is meta page 1, but it gives a page size of {second.page_size}", self.path, second_off)
        meta, off = max(found, key=lambda pair: pair[0].txid)
        with located(self.path, off):
            bbolt.parse_page_header(self._read(HEADER_LEN, off), 0, 1 if off else 0, (META_PAGE,))
            self._check_meta(meta)
        return meta

    def _try_meta(self, off: int, errors: List[Corrupt]) -> Optional[Meta]:
        length = max(0, min(HEADER_LEN + bbolt.META.size, self.file_len - off))
        try:
            with located(self.path, off):
                return bbolt.parse_meta(self._read(length, off))
        except Corrupt as error:
            errors.append(error)
            return None

    def _check_meta(self, meta: Meta) -> None:
        if meta.high_water > _MAX_PAGES:
            raise Unsupported(f"{meta.high_water} pages; at most {_MAX_PAGES} are read", offset=HEADER_LEN)
        if meta.high_water * meta.page_size > self.file_len:
            raise corrupt(
                f"the file has {self.file_len} bytes, but {meta.high_water} pages of {meta.page_size} bytes are in use",
                HEADER_LEN,
            )
        for name, page_id in (("root bucket", meta.root_id), ("freelist", meta.freelist_id)):
            unstored = page_id == bbolt.FREELIST_NOT_STORED and name == "freelist"
            if not unstored and not bbolt.FIRST_FREE_PAGE <= page_id < meta.high_water:
                raise corrupt(f"the {name} is said to be on page {page_id}, outside the pages in use", HEADER_LEN)

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
        raise corrupt(f"a tree of more than {_MAX_DEPTH} levels", 0)

    def leaves(self, root_id: int) -> Iterator[Children]:
        """The leaf pages of a tree in order, not yet read, one run per lowest branch page; their ids are taken."""
        self.take(root_id, 1, root_id)
        return self._walk(root_id, self._depth(root_id), b"", None)

    def _walk(self, page_id: int, depth: int, lower: bytes, upper: Optional[bytes]) -> Iterator[Children]:
        """The leaves below a page that is taken; its children's ids are taken here."""
        if depth == 0:
            yield Children([page_id], [lower], upper)
            return
        group = self._group(page_id, BRANCH_PAGE)
        with located(self.path, page_id * self.page_size):
            children = bbolt.parse_branch(group, 0, len(group))
            if children[0][0] < lower or (upper is not None and children[-1][0] >= upper):
                raise corrupt("the keys of this branch page are outside the bounds that its parent gives", 0)
            for _key, child in children:
                self._pages.add(child, 1, 0)
        lowers = [key for key, _child in children]
        if depth == 1:
            yield Children([child for _key, child in children], lowers, upper)
            return
        for (key, child), next_key in zip(children, [*lowers[1:], upper]):
            yield from self._walk(child, depth - 1, key, next_key)

    def windows(self, page_ids: Sequence[int]) -> Iterator[Window]:
        """These pages in this order, neighbours in the file read together. A window may end within a page's overflow.

        Where pages are too far apart each is read by itself, so that no order of pages makes us read the file again
        and again.
        """
        size = self.page_size
        span_max = max(1, WINDOW_LEN // size)
        start = 0
        while start < len(page_ids):
            low = high = page_ids[start]
            stop = start + 1
            for page_id in page_ids[start + 1 : start + span_max]:
                new_low, new_high = min(low, page_id), max(high, page_id)
                span = new_high - new_low + 1
                if span > span_max or span > (stop + 1 - start) * _SPARSE_PAGES:
                    break
                low, high, stop = new_low, new_high, stop + 1
            base_off = low * size
            buf = self._read((high - low + 1) * size, base_off)
            yield Window(buf, base_off, [(page_id, page_id * size - base_off) for page_id in page_ids[start:stop]])
            start = stop

    # -- keys and values -------------------------------------------------------------------------------------------

    def buckets(self) -> Dict[bytes, Bucket]:
        """The top-level buckets by name."""
        found: Dict[bytes, Bucket] = {}
        for item in self._items(self.meta.root_id):
            if not item.is_bucket or len(item.value) < bbolt.BUCKET_HEADER.size:
                raise Corrupt(f"the root has a key {item.key!r} that is no bucket", self.path, item.value_off)
            root_id, _sequence = bbolt.BUCKET_HEADER.unpack_from(item.value)
            found[item.key] = Bucket(root_id, item.value[16:], item.value_off + 16)
        return found

    def items(self, bucket: Bucket) -> Iterator[Item]:
        """All keys and values of a bucket in order. For small buckets: the values of a whole page are held at once."""
        if bucket.root_id:
            return self._items(bucket.root_id)
        with located(self.path, bucket.image_off):
            bucket.check_image()
            return iter(_leaf_items(bucket.image, bucket.image_off, b"", None))

    def _items(self, root_id: int) -> Iterator[Item]:
        for children in self.leaves(root_id):
            uppers = [*children.lowers[1:], children.upper]
            for page_id, lower, upper in zip(children.page_ids, children.lowers, uppers):
                off = page_id * self.page_size
                buf = self._group(page_id, LEAF_PAGE)
                with located(self.path, off):
                    items = _leaf_items(buf, off, lower, upper)
                yield from items


def _leaf_items(buf: bytes, base_off: int, lower: bytes, upper: Optional[bytes]) -> List[Item]:
    elements = bbolt.parse_leaf(buf, 0, len(buf))
    if elements and (elements[0].key < lower or (upper is not None and elements[-1].key >= upper)):
        raise corrupt("the keys of this leaf page are outside the bounds that its parent gives", 0)
    return [Item(is_bucket, key, buf[pos : pos + length], base_off + pos) for is_bucket, key, pos, length in elements]
