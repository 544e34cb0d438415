# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which meta page is in force, on whole files: the choice is seen in the transaction and the entries that are read."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, Unsupported
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt.format import PAGE_SIZES
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt.meta import choose_meta
from support.stores.bboltimage import Image, entries, opened, raft_db


def choose(tmp_path, image):
    with opened(tmp_path / "file.db", image.data) as fd:
        return choose_meta(fd, str(tmp_path / "file.db"))


@pytest.mark.parametrize("page_size", PAGE_SIZES[:9])
@pytest.mark.parametrize(("damaged", "txid"), [((), 6), ((1,), 6), ((0,), 5)])
def test_the_newest_valid_meta_counts(tmp_path, page_size, damaged, txid):
    image = raft_db(entries(3), page_size)
    for meta_id in damaged:
        image.put_number(meta_id, 16 + 40, "Q", 12345)  # the high-water mark, so that only the checksum tells
    meta, notes = choose(tmp_path, image)
    assert (meta.page_size, meta.txid, meta.root_id) == (page_size, txid, image.root_id)
    assert len(notes) == len(damaged)
    for note in notes:
        assert f"file.db at byte {damaged[0] * page_size + 16}: meta checksum" in note


def test_sixteen_megabyte_pages_are_found_without_the_first_meta(tmp_path):
    image = raft_db([], PAGE_SIZES[-1])
    image.put(0, 0, bytes(4096))
    assert choose(tmp_path, image)[0].page_size == 16 << 20


@pytest.mark.parametrize(("first", "second", "chosen"), [(8, 7, 8), (7, 8, 8), (4, 4, 4), (1 << 63, 3, 1 << 63)])
def test_either_page_may_be_newer(tmp_path, first, second, chosen):
    image = raft_db(entries(3))
    image.seal(0, txid=first)
    image.seal(1, txid=second)
    assert choose(tmp_path, image)[0].txid == chosen


def change(**fields):
    return lambda image: image.seal_both(**fields)


def number(page_id, pos, code, value):
    return lambda image: image.put_number(page_id, pos, code, value)


def both(*changes):
    return lambda image: [apply(image) for apply in changes]


DAMAGES = [
    (both(number(0, 16, "I", 1), number(1, 16, "I", 1)), Corrupt, "not a bbolt meta: magic 0x1", 16),
    (both(number(0, 20, "I", 3), number(1, 16, "I", 1)), Corrupt, "version 3; wanted 0xed0cdaed, 2", 16),
    (both(number(0, 72, "Q", 5), number(1, 72, "Q", 5)), Corrupt, "no valid meta page: meta checksum 0x5", 16),
    (change(flags=1), Unsupported, "meta flags 0x1", 16),
    (change(page_size=1536), Unsupported, "page size 1536", 16),
    (lambda image: image.seal(1, page_size=2048), Corrupt, "meta page 1 gives the page size 2048", 1024 + 16),
    (number(0, 8, "H", 2), Corrupt, "page 0 is of the leaf kind", 0),
    (number(0, 0, "Q", 1), Corrupt, "page 0 says that it is page 1", 0),
    (change(high_water=1 << 40), Unsupported, "at most 67108864 are read", 16),
    (change(high_water=99), Corrupt, "the file has 8192 bytes, but 99 pages of 1024 bytes are in use", 16),
    (change(root=0), Corrupt, "root bucket is said to be on page 0", 16),
    (change(root=8), Corrupt, "root bucket is said to be on page 8", 16),
    (change(root=(1 << 64) - 1), Corrupt, "root bucket is said to be on page 18446744073709551615", 16),
    (change(freelist=1), Corrupt, "freelist is said to be on page 1", 16),
    (change(freelist=(1 << 64) - 2), Corrupt, "freelist is said to be", 16),
]


@pytest.mark.parametrize(("damage", "kind", "match", "offset"), DAMAGES)
def test_damaged_metas(tmp_path, damage, kind, match, offset):
    image = raft_db(entries(6))
    assert len(image.data) == 8192
    damage(image)
    with pytest.raises(kind, match=match) as caught:
        choose(tmp_path, image)
    assert str(caught.value).startswith(f"{tmp_path / 'file.db'} at byte {offset}: ")


@pytest.mark.parametrize("length", [0, 1, 16, 79, 80, 1023, 1024, 1104, 4096, 8191])
def test_truncated(tmp_path, length):
    image = raft_db(entries(6))
    del image.data[length:]
    with pytest.raises(Corrupt, match=r"file\.db at byte (0|16): "):
        choose(tmp_path, image)


def test_a_file_of_another_kind(tmp_path):
    image = Image()
    image.data[:] = b"SQLite format 3\0" + bytes(8000)
    with pytest.raises(Corrupt, match="no valid meta page: not a bbolt meta"):
        choose(tmp_path, image)
