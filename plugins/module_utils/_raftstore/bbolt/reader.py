# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a bbolt file: its buckets, and the keys and values of small ones.

What the keys mean is the caller's business. Data pages carry no checksum, so a flipped bit inside a value cannot be
seen here.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Optional

from ..._disk.errors import RESTORE, Corrupt, corrupt, located
from . import format as bbolt
from .format import HEADER_LEN, LEAF_PAGE
from .pages import Pages

# Only a database without buckets has one, its root: bbolt removes leaves that become empty, and inlines empty buckets.
EMPTY_LEAF = "a leaf page without keys, which bbolt never leaves"


class Item(NamedTuple):
    """A key and its value; `value_off` is where in the file the value is."""

    is_bucket: bool
    key: bytes
    value: bytes
    value_off: int


class Bucket(NamedTuple):
    """Where a bucket is: on page `root_id` or, if that is 0, inline: its only page is `image`, at `image_off`."""

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
            raise corrupt(f"{len(self.image) - end} bytes too many after the last value of an inline bucket", end)


class Database(Pages):
    """A bbolt file, opened for reading; see `Pages`."""

    def buckets(self) -> Dict[bytes, Bucket]:
        """The top-level buckets by name."""
        found: Dict[bytes, Bucket] = {}
        header_len = bbolt.BUCKET_HEADER.size
        for item in self._items(self.meta.root_id, self.meta.root_id * self.page_size):
            root_id = 0
            if item.is_bucket and len(item.value) >= header_len:
                root_id, _sequence = bbolt.BUCKET_HEADER.unpack_from(item.value)
            if not item.is_bucket or len(item.value) < header_len or (root_id and len(item.value) != header_len):
                what = f"the key {item.key!r} of the root, with a value of {len(item.value)} bytes, is not a bucket"
                raise Corrupt(what, self.path, item.value_off, RESTORE)
            found[item.key] = Bucket(root_id, item.value[header_len:], item.value_off + header_len)
        return found

    def items(self, bucket: Bucket) -> Iterator[Item]:
        """All keys and values of a bucket in order. Only for small buckets: all values of a page are held at once."""
        with located(self.path, bucket.image_off):
            if bucket.root_id:
                items = self._items(bucket.root_id, bucket.named_off)
            else:
                bucket.check_image()
                items = iter(_leaf_items(bucket.image, bucket.image_off, b"", None))
        for item in items:
            if item.is_bucket:
                raise Corrupt(f"{item.key!r} is a bucket in a bucket", self.path, item.value_off, RESTORE)
            yield item

    def _items(self, root_id: int, named_off: int) -> Iterator[Item]:
        for children in self.leaves(self.tree(root_id, named_off)):
            uppers = [*children.lowers[1:], children.upper]
            for page_id, lower, upper in zip(children.page_ids, children.lowers, uppers):
                off = page_id * self.page_size
                buf = self.group(page_id, LEAF_PAGE)
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
