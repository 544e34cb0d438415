# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bbolt files made by hand for tests: any page size, any tree, any damage. Shares no code with what it tests.

Layouts are those of bbolt's own writer; the golden vectors in the tests tie both to bytes that bbolt has written.
"""

from __future__ import annotations

import os
import struct
from contextlib import contextmanager

from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import records_of
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.reader import BoltStore

BRANCH, LEAF, META, FREELIST = 1, 2, 4, 16
NOT_STORED = (1 << 64) - 1
CONF = {b"CurrentTerm": bytes.fromhex("0000000000000007"), b"LastVoteTerm": bytes.fromhex("0000000000000006")}
CONF[b"LastVoteCand"] = b"10.0.0.1:4647"


def fnv1a(data):
    """FNV-1a 64, the checksum of a meta."""
    value = 14695981039346656037
    for byte in data:
        value = (value ^ byte) * 1099511628211 % 2**64
    return value


def index_key(index):
    """The key of an entry."""
    return struct.pack(">Q", index)


def leaf_body(items):
    """Elements, keys and values of (flags, key, value)."""
    table, data = b"", b""
    for number, (flags, key, value) in enumerate(items):
        table += struct.pack("<IIII", flags, 16 * (len(items) - number) + len(data), len(key), len(value))
        data += key + value
    return table + data


def branch_body(children):
    """Elements and keys of (key, child id)."""
    table, data = b"", b""
    for number, (key, child) in enumerate(children):
        table += struct.pack("<IIQ", 16 * (len(children) - number) + len(data), len(key), child)
        data += key
    return table + data


def inline(items):
    """Value of a bucket that lies in its parent's page."""
    return struct.pack("<QQQHHI", 0, 0, 0, LEAF, len(items), 0) + leaf_body(items)


def paged(root_id, sequence=0):
    """Value of a bucket with pages of its own."""
    return struct.pack("<QQ", root_id, sequence)


class Image:
    """A file under construction: `data` is its bytes. Pages are added in order from id 3 on."""

    def __init__(self, page_size=1024):
        self.page_size = page_size
        self.data = bytearray(3 * page_size)
        self.leaf_ids = []
        self.branch_ids = []
        self.root_id = 0

    def add(self, flags, count, body):
        """A page with as much overflow as it needs; its id."""
        page_id = len(self.data) // self.page_size
        overflow = (16 + len(body) - 1) // self.page_size
        page = struct.pack("<QHHI", page_id, flags, count, overflow) + body
        self.data += page.ljust((1 + overflow) * self.page_size, b"\0")
        return page_id

    def leaf(self, items):
        """A leaf page of (flags, key, value); its id."""
        self.leaf_ids.append(self.add(LEAF, len(items), leaf_body(items)))
        return self.leaf_ids[-1]

    def branch(self, children):
        """A branch page of (key, child id); its id."""
        self.branch_ids.append(self.add(BRANCH, len(children), branch_body(children)))
        return self.branch_ids[-1]

    def tree(self, entries, per_leaf, fan_out):
        """Leaves and branches over (index, value); the id of the root."""
        level = []
        for start in range(0, len(entries), per_leaf):
            items = [(0, index_key(index), value) for index, value in entries[start : start + per_leaf]]
            level.append((items[0][1], self.leaf(items)))
        while len(level) > 1:
            groups = [level[start : start + fan_out] for start in range(0, len(level), fan_out)]
            level = [(group[0][0], self.branch(group)) for group in groups]
        return level[0][1]

    def finish(self, buckets, free=(), freelist_id=2, txid=6):
        """Write root, freelist and metas. `buckets`: {name: (flags, value)}. Returns self."""
        self.root_id = self.add(LEAF, len(buckets), leaf_body([(f, k, v) for k, (f, v) in sorted(buckets.items())]))
        if freelist_id != NOT_STORED:
            ids = list(free)
            page = struct.pack("<QHHI", 2, FREELIST, len(ids), 0) + struct.pack(f"<{len(ids)}Q", *ids)
            self.put(2, 0, page)
        self.meta = {
            "magic": 0xED0CDAED,
            "version": 2,
            "page_size": self.page_size,
            "flags": 0,
            "root": self.root_id,
            "sequence": 0,
            "freelist": freelist_id,
            "high_water": len(self.data) // self.page_size,
            "txid": txid,
        }
        self.seal(0)
        self.seal(1, txid=txid - 1)
        return self

    def seal(self, meta_id, **changes):
        """Write a meta page with a right checksum."""
        body = struct.pack("<IIIIQQQQQ", *{**self.meta, **changes}.values())
        header = struct.pack("<QHHI", meta_id, META, 0, 0)
        self.put(meta_id, 0, header + body + struct.pack("<Q", fnv1a(body)))

    def seal_both(self, **changes):
        """The same for both metas."""
        self.seal(0, **changes)
        self.seal(1, **changes)

    def off(self, page_id, pos=0):
        """Offset of a position in a page."""
        return page_id * self.page_size + pos

    def put(self, page_id, pos, data):
        """Overwrite bytes of a page."""
        start = self.off(page_id, pos)
        self.data[start : start + len(data)] = data

    def put_number(self, page_id, pos, code, value):
        """Overwrite one little-endian number of a page."""
        self.put(page_id, pos, struct.pack("<" + code, value))


def raft_db(entries, page_size=1024, per_leaf=3, fan_out=4, conf=None, **options):
    """A raft.db of these (index, value), with a log of its own pages and an inline conf; one free page."""
    image = Image(page_size)
    free = [image.add(LEAF, 0, b"")]
    logs = paged(image.tree(entries, per_leaf, fan_out)) if entries else inline([])
    items = [(0, key, value) for key, value in sorted((CONF if conf is None else conf).items())]
    return image.finish({b"logs": (1, logs), b"conf": (1, inline(items))}, free=free, **options)


def entries(count, first=1, length=100):
    """`count` entries that can be told apart."""
    return [(index, struct.pack(">Q", index) * (length // 8)) for index in range(first, first + count)]


@contextmanager
def opened(path, data):
    """A descriptor of a file with this content."""
    path.write_bytes(data)
    fd = os.open(str(path), os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


def read_store(path, data):
    """Everything a store of this content says: (stable, extents as (first, count), all records, notes)."""
    with opened(path, data) as fd:
        store = BoltStore(fd, str(path))
        records = list(records_of(store, store.extents()))
        shape = [(extent.first_index, extent.entry_count) for extent in store.extents()]
        return store.stable(), shape, records, store.notes


def logs_inline(items, page_size=1024):
    """A store whose log lies in the root page."""
    value = inline([(0, index_key(index), entry) for index, entry in items])
    return Image(page_size).finish({b"conf": (1, inline([])), b"logs": (1, value)})


def shape_and_records(tmp_path, image):
    """What a store of this image says of its entries: (extents as (first, count), all records)."""
    _stable, shape, records, _notes = read_store(tmp_path / "raft.db", image.data)
    return shape, records
