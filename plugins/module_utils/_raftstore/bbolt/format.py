# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bbolt file format: records and pages, bytes to values and back. Pure: no file is touched here.

A file is an array of pages of one size; page N starts at byte N * page size. All integers are little-endian, as on
the machines that write them (bbolt writes its own memory). Sources: etcd-io/bbolt internal/common/page.go, meta.go,
inode.go, bucket.go.

    page            | header 16 | elements, 16 each | keys and values, back to back | unused |
    a page with overflow = k owns the ids N .. N+k as one buffer

    record          offset size field
    page header          0    8 id              = its position in the file; 0 in an inline bucket
                         8    2 flags           exactly one of 1 branch, 2 leaf, 4 meta, 16 freelist
                        10    2 count           elements; freelist: ids, 0xffff = the first id is the number of ids
                        12    4 overflow        further pages that belong to this one
    meta                 0    4 magic           0xED0CDAED; a meta follows the header of pages 0 and 1
                         4    4 version         2
                         8    4 page_size       bytes
                        12    4 flags           0
                        16    8 root            page id of the root bucket
                        24    8 sequence        of the root bucket, unused
                        32    8 freelist        page id, or 2^64-1: not stored
                        40    8 high_water      first page id that was never used
                        48    8 txid            the valid meta with the higher one is in force
                        56    8 checksum        FNV-1a 64 of the 56 bytes before it
    leaf element         0    4 flags           1: the value is a bucket
                         4    4 pos             of the key, counted from this element; the value follows the key
                         8    4 ksize           bytes
                        12    4 vsize           bytes
    branch element       0    4 pos             of the key, the lower bound of all keys below the child
                         4    4 ksize           bytes
                         8    8 child           page id
    bucket value         0    8 root            page id; 0: a leaf page image follows in the value itself (inline)
                         8    8 sequence        unused

Example, page 1 of a file of 4096-byte pages: `0100000000000000 0400 0000 00000000` (page 1, a meta), then
`edda0ced 02000000 00100000 00000000` (magic, version, page size, flags), `0200000000000000 0000000000000000` (root on
page 2, sequence), `0300000000000000` (freelist on page 3), `0600000000000000` (pages 0 to 5 in use),
`0700000000000000` (transaction 7), `8b33d9ca06db4ec2` (checksum).
"""

from __future__ import annotations

import struct
from operator import lt
from typing import Iterable, List, NamedTuple, Protocol, Sequence, Tuple

from ..._disk.errors import Unsupported, corrupt

PAGE_HEADER = struct.Struct("<QHHI")  # id flags count overflow
META = struct.Struct("<IIIIQQQQQQ")  # magic .. checksum
META_CHECKSUM = struct.Struct("<Q")
LEAF_ELEMENT = struct.Struct("<IIII")  # flags pos ksize vsize
BRANCH_ELEMENT = struct.Struct("<IIQ")  # pos ksize child
BUCKET_HEADER = struct.Struct("<QQ")  # root sequence

if (PAGE_HEADER.size, LEAF_ELEMENT.size, BRANCH_ELEMENT.size, BUCKET_HEADER.size, META.size) != (16, 16, 16, 16, 64):
    raise AssertionError("the records have other sizes than bbolt's")

HEADER_LEN = PAGE_HEADER.size
ELEMENT_LEN = LEAF_ELEMENT.size
BRANCH_PAGE, LEAF_PAGE, META_PAGE, FREELIST_PAGE = 0x01, 0x02, 0x04, 0x10
PAGE_KINDS = {BRANCH_PAGE: "branch", LEAF_PAGE: "leaf", META_PAGE: "meta", FREELIST_PAGE: "freelist"}
BUCKET_FLAG = 0x01
MAGIC = 0xED0CDAED
VERSION = 2
FREELIST_NOT_STORED = (1 << 64) - 1
FIRST_FREE_PAGE = 2  # pages 0 and 1 are the metas
COUNT_ESCAPE = 0xFFFF  # bbolt writes fewer elements than this; in a freelist it means "see the first id"
PAGE_SIZES = tuple(1024 << step for step in range(15))  # what bbolt probes for: 1 KiB to 16 MiB
MAX_KEY_LEN = 32768


class Sliceable(Protocol):
    """Bytes, or a file that is read where it is sliced: a page of any length can be parsed."""

    def __getitem__(self, piece: slice) -> bytes: ...


class PageHeader(NamedTuple):
    """The first 16 bytes of a page."""

    page_id: int
    flags: int
    element_count: int
    overflow: int


class Meta(NamedTuple):
    """What a valid meta says. `freelist_id` may be FREELIST_NOT_STORED."""

    page_size: int
    root_id: int
    freelist_id: int
    high_water: int
    txid: int


class Element(NamedTuple):
    """One key of a leaf page; `value_pos` is the value's position in the buffer it was parsed from."""

    is_bucket: bool
    key: bytes
    value_pos: int
    value_len: int


def fnv1a64(data: bytes) -> int:
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def parse_meta(page: bytes) -> Meta:
    """The meta in a page's first bytes, valid by bbolt's own rule: magic, version, checksum.

    Raises Corrupt if it is not valid (the other meta may be), Unsupported if it is valid but of an unknown kind.
    """
    if len(page) < HEADER_LEN + META.size:
        raise corrupt(f"the file ends within a meta page, after {len(page)} bytes of it", 0)
    magic, version, page_size, flags, root_id, _sequence, freelist_id, high_water, txid, checksum = META.unpack_from(
        page, HEADER_LEN
    )
    if magic != MAGIC or version != VERSION:
        what = f"not a bbolt meta: magic {magic:#x}, version {version}; wanted {MAGIC:#x}, {VERSION}"
        raise corrupt(what, HEADER_LEN)
    computed = fnv1a64(page[HEADER_LEN : HEADER_LEN + META.size - META_CHECKSUM.size])
    if checksum != computed:
        raise corrupt(f"meta checksum {checksum:#x}, computed {computed:#x}", HEADER_LEN)
    if flags != 0 or page_size not in PAGE_SIZES:
        raise Unsupported(f"unknown kind of bbolt file: meta flags {flags:#x}, page size {page_size}", "", HEADER_LEN)
    return Meta(page_size, root_id, freelist_id, high_water, txid)


def render_meta(meta: Meta, page_id: int) -> bytes:
    """Meta page 0 or 1, padded to the page size."""
    body = META.pack(
        MAGIC, VERSION, meta.page_size, 0, meta.root_id, 0, meta.freelist_id, meta.high_water, meta.txid, 0
    )[: META.size - META_CHECKSUM.size]
    page = PAGE_HEADER.pack(page_id, META_PAGE, 0, 0) + body + META_CHECKSUM.pack(fnv1a64(body))
    return page.ljust(meta.page_size, b"\0")


def parse_page_header(buf: bytes, pos: int, page_id: int, kinds: Sequence[int]) -> PageHeader:
    """The page header at `pos`; it must be that of page `page_id` and of one of these kinds. Raises Corrupt."""
    header = PageHeader._make(PAGE_HEADER.unpack_from(buf, pos))
    if header.page_id != page_id:
        raise corrupt(f"page {page_id} says that it is page {header.page_id}", pos)
    if header.flags not in kinds:
        found = PAGE_KINDS.get(header.flags, "unknown")
        wanted = " or ".join(PAGE_KINDS[kind] for kind in kinds)
        raise corrupt(f"page {page_id} is of the {found} kind (flags {header.flags:#x}), wanted {wanted}", pos)
    if header.element_count == COUNT_ESCAPE and header.flags != FREELIST_PAGE:
        raise corrupt(f"page {page_id} claims {header.element_count} elements, more than bbolt ever writes", pos)
    return header


def parse_leaf(buf: Sliceable, pos: int, end: int) -> List[Element]:
    """The elements of the leaf page in buf[pos:end], keys strictly ascending. Raises Corrupt."""
    elements: List[Element] = []
    table = _table(buf, pos, end)
    element_pos, data_pos = pos + HEADER_LEN, pos + HEADER_LEN + len(table)
    for flags, key_pos, key_len, value_len in LEAF_ELEMENT.iter_unpack(table):
        if flags & ~BUCKET_FLAG:
            raise corrupt(f"unknown element flags {flags:#x}", element_pos)
        value_pos = data_pos + key_len
        if value_pos + value_len > end:
            raise corrupt(f"key and value of {key_len} and {value_len} bytes run past the end of the page", element_pos)
        key = _key(buf, element_pos, key_pos, key_len, data_pos)
        if elements and key <= elements[-1].key:
            raise corrupt("the keys of this page are not in ascending order", element_pos)
        elements.append(Element(bool(flags), key, value_pos, value_len))
        element_pos, data_pos = element_pos + ELEMENT_LEN, value_pos + value_len
    return elements


def parse_branch(buf: bytes, pos: int, end: int) -> List[Tuple[bytes, int]]:
    """(lower bound of its keys, page id) of each child of the branch page in buf[pos:end]. Raises Corrupt."""
    table = _table(buf, pos, end)
    element_pos, data_pos = pos + HEADER_LEN, pos + HEADER_LEN + len(table)
    children = _with_keys_of_8(table, buf, data_pos, end)
    if children:
        return children
    before = b""
    for key_pos, key_len, child in BRANCH_ELEMENT.iter_unpack(table):
        if data_pos + key_len > end:
            raise corrupt(f"a key of {key_len} bytes runs past the end of the page", element_pos)
        if element_pos + key_pos != data_pos or not 0 < key_len <= MAX_KEY_LEN:
            _key(buf, element_pos, key_pos, key_len, data_pos)  # raises, saying what is wrong
        key = buf[data_pos : data_pos + key_len]
        if key <= before:
            raise corrupt("the keys of this page are not in ascending order", element_pos)
        children.append((key, child))
        before = key
        element_pos, data_pos = element_pos + ELEMENT_LEN, data_pos + key_len
    if not children:
        raise corrupt("a branch page without children", pos)
    return children


def _with_keys_of_8(table: bytes, buf: bytes, data_pos: int, end: int) -> List[Tuple[bytes, int]]:
    """The children of a branch page if all keys have 8 bytes and nothing is wrong, else none. Ten times faster."""
    count = len(table) // ELEMENT_LEN
    fields = struct.unpack(f"<{2 * count}Q", table)  # pos and ksize in one number, child
    first, keys_end = (8 << 32) + ELEMENT_LEN * count, data_pos + 8 * count
    if keys_end > end or fields[0::2] != tuple(range(first, first - 8 * count, -8)):
        return []
    keys = [buf[at : at + 8] for at in range(data_pos, keys_end, 8)]
    return list(zip(keys, fields[1::2])) if all(map(lt, keys, keys[1:])) else []


def _table(buf: Sliceable, pos: int, end: int) -> bytes:
    _page_id, _flags, count, _overflow = PAGE_HEADER.unpack(buf[pos : pos + HEADER_LEN])
    table_end = pos + HEADER_LEN + count * ELEMENT_LEN
    if table_end > end:
        raise corrupt(f"a table of {count} elements does not fit into its page", pos)
    return buf[pos + HEADER_LEN : table_end]


def _key(buf: Sliceable, element_pos: int, key_pos: int, key_len: int, data_pos: int) -> bytes:
    """The key of an element. bbolt writes keys and values without gaps, so its place is known in advance."""
    if element_pos + key_pos != data_pos:
        raise corrupt(f"a key {key_pos} bytes from its element, wanted {data_pos - element_pos}", element_pos)
    if not 0 < key_len <= MAX_KEY_LEN:
        raise corrupt(f"a key of {key_len} bytes; 1 to {MAX_KEY_LEN} are possible", element_pos)
    return buf[data_pos : data_pos + key_len]


def leaf_len(items: Iterable[Tuple[int, bytes, bytes]]) -> int:
    """Bytes that a leaf page of these (flags, key, value) takes, without unused space."""
    return HEADER_LEN + sum(ELEMENT_LEN + len(key) + len(value) for _flags, key, value in items)


def render_leaf(page_id: int, items: Sequence[Tuple[int, bytes, bytes]], overflow: int = 0) -> bytes:
    """A leaf page of (flags, key, value) in ascending order of keys, not padded; page id 0 makes an inline bucket."""
    parts = [PAGE_HEADER.pack(page_id, LEAF_PAGE, len(items), overflow)]
    pos = len(items) * ELEMENT_LEN
    for flags, key, value in items:
        parts.append(LEAF_ELEMENT.pack(flags, pos, len(key), len(value)))
        pos += len(key) + len(value) - ELEMENT_LEN
    for _flags, key, value in items:
        parts += (key, value)
    return b"".join(parts)


def branch_len(children: Iterable[Tuple[bytes, int]]) -> int:
    """Bytes that a branch page of these children takes, without unused space."""
    return HEADER_LEN + sum(ELEMENT_LEN + len(key) for key, _child in children)


def render_branch(page_id: int, children: Sequence[Tuple[bytes, int]], overflow: int = 0) -> bytes:
    """A branch page of (lowest key, page id) in ascending order, not padded."""
    parts = [PAGE_HEADER.pack(page_id, BRANCH_PAGE, len(children), overflow)]
    pos = len(children) * ELEMENT_LEN
    for key, child in children:
        parts.append(BRANCH_ELEMENT.pack(pos, len(key), child))
        pos += len(key) - ELEMENT_LEN
    parts += [key for key, _child in children]
    return b"".join(parts)
