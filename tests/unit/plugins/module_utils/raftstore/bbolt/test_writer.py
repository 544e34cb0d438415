# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files made by DatabaseWriter: read back, and held to what bbolt demands of a file that it goes on writing."""

from __future__ import annotations

import os
import struct

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import SystemCalls
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt.reader import Database
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt.writer import DatabaseWriter
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stores.bboltimage import fnv1a


class Recorder(SystemCalls):
    """Does what it is told and remembers writes (offset, length) and syncs, in order."""

    def __init__(self):
        self.calls = []

    def pwritev(self, fd, buffers, off):
        self.calls.append((off, sum(map(len, buffers))))
        return super().pwritev(fd, buffers, off)

    def fsync(self, fd):
        self.calls.append("fsync")
        super().fsync(fd)


def write(directory, buckets, page_size, calls=None):
    """Write {name: sorted items} as `file.db`; its path."""
    opened = Directory.open(str(directory), calls or SystemCalls())
    new = opened.create("file.db")
    writer = DatabaseWriter(new, page_size)
    for name, items in buckets.items():
        writer.put_sorted(name, iter(items))
    writer.finish()
    new.close()
    opened.close()
    return directory / "file.db"


def read(path):
    fd = os.open(str(path), os.O_RDONLY)
    try:
        database = Database(fd, str(path))
        assert database.notes == []
        return {
            name: [(item.key, item.value) for item in database.items(bucket)]
            for name, bucket in database.buckets().items()
        }
    finally:
        os.close(fd)


def pages(data, page_size):
    """(id, flags, count, overflow) of all pages of a file, in order of their place."""
    found, page_id = [], 0
    while page_id * page_size < len(data):
        found.append(struct.unpack_from("<QHHI", data, page_id * page_size))
        page_id += 1 + found[-1][3]
    return found


def test_the_smallest_wal_metadata_byte_by_byte(tmp_path):
    stable = [(b"CurrentTerm", struct.pack("<Q", 7))]
    data = write(tmp_path, {b"wal-meta": [(b"m", b"{}")], b"stable": stable}, 1024).read_bytes()
    body = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, 1024, 0, 3, 0, 2, 4, 2)
    older = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, 1024, 0, 3, 0, 2, 4, 1)
    in_stable = struct.pack("<QQ QHHI IIII", 0, 0, 0, 2, 1, 0, 0, 16, 11, 8) + b"CurrentTerm" + struct.pack("<Q", 7)
    in_meta = struct.pack("<QQ QHHI IIII", 0, 0, 0, 2, 1, 0, 0, 16, 1, 2) + b"m{}"
    root = struct.pack("<QHHI IIII IIII", 3, 2, 2, 0, 1, 32, 6, 67, 1, 16 + 73, 8, 51)
    expected = [
        struct.pack("<QHHI", 0, 4, 0, 0) + body + struct.pack("<Q", fnv1a(body)),
        struct.pack("<QHHI", 1, 4, 0, 0) + older + struct.pack("<Q", fnv1a(older)),
        struct.pack("<QHHI", 2, 16, 0, 0),
        root + b"stable" + in_stable + b"wal-meta" + in_meta,
    ]
    assert data == b"".join(page.ljust(1024, b"\0") for page in expected)


def test_metas_are_written_after_everything_else_is_on_disk(tmp_path):
    calls = Recorder()
    write(tmp_path, {b"b": [(b"%04d" % number, b"v" * 500) for number in range(50)]}, 1024, calls)
    assert calls.calls[-3:] == ["fsync", (0, 2048), "fsync"]
    assert all(off >= 2048 for off, _length in calls.calls[:-3])
    assert "fsync" not in calls.calls[:-3]


@pytest.mark.parametrize(("value_len", "inline"), [(1024 // 4 - 16 - 16 - 1, True), (1024 // 4 - 16 - 16, False)])
def test_a_bucket_is_inline_as_long_as_bbolt_would_have_it_so(tmp_path, value_len, inline):
    path = write(tmp_path, {b"b": [(b"k", b"v" * value_len)]}, 1024)
    assert read(path) == {b"b": [(b"k", b"v" * value_len)]}
    assert len(pages(path.read_bytes(), 1024)) == (4 if inline else 5)


def test_one_value_of_many_pages(tmp_path):
    path = write(tmp_path, {b"wal-meta": [(b"m", b"v" * 50000)]}, 4096)
    assert read(path) == {b"wal-meta": [(b"m", b"v" * 50000)]}
    assert [page[3] for page in pages(path.read_bytes(), 4096)] == [0, 0, 0, 12, 0]


def check_rules(data, page_size):
    """What bbolt demands beyond what a reader needs: ids, two children per branch, pages in use within the file."""
    for page_id, (stored_id, flags, count, _overflow) in walk(data, page_size):
        assert stored_id == page_id
        assert flags in (1, 2, 4, 16)
        assert flags != 1 or count >= 2
        assert count < 0xFFFF
    (high_water,) = struct.unpack_from("<Q", data, 16 + 40)
    assert high_water * page_size == len(data)


def walk(data, page_size):
    page_id = 0
    for page in pages(data, page_size):
        yield page_id, page
        page_id += 1 + page[3]


@pytest.mark.parametrize("count", [1, 2, 8, 9, 10, 11, 400, 401, 5000])
def test_trees_of_every_depth(tmp_path, count):
    items = [(struct.pack(">Q", index), b"v" * 100) for index in range(count)]
    path = write(tmp_path, {b"logs": items}, 1024)
    assert read(path) == {b"logs": items}
    check_rules(path.read_bytes(), 1024)


def test_long_keys_still_have_two_children_per_branch(tmp_path):
    items = [(b"%06d" % number + b"k" * 900, b"v") for number in range(40)]
    path = write(tmp_path, {b"b": items}, 1024)
    assert read(path) == {b"b": items}
    check_rules(path.read_bytes(), 1024)


def test_large_pages_take_no_more_elements_than_bbolt_counts(tmp_path):
    items = [(struct.pack(">I", number), b"") for number in range(70000)]
    path = write(tmp_path, {b"b": items}, 2 << 20)
    assert [page[2] for page in pages(path.read_bytes(), 2 << 20)][3:] == [65534, 4466, 2, 1]
    assert read(path) == {b"b": items}


SIZES = st.one_of(st.integers(0, 40), st.integers(0, 900), st.sampled_from([1000, 3000, 70000]))
BUCKETS = st.dictionaries(
    st.binary(min_size=1, max_size=12),
    st.dictionaries(st.binary(min_size=1, max_size=20), SIZES, max_size=60),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(buckets=BUCKETS, page_size=st.sampled_from([1024, 2048, 4096, 65536]))
def test_what_is_written_is_read(tmp_path_factory, buckets, page_size):
    sorted_buckets = {
        name: [(key, (key + b"-") * (size // (len(key) + 1))) for key, size in sorted(items.items())]
        for name, items in buckets.items()
    }
    path = write(tmp_path_factory.mktemp("database"), sorted_buckets, page_size)
    assert read(path) == sorted_buckets
    check_rules(path.read_bytes(), page_size)
