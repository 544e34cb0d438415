# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged logs in raft.db: each damage is named where it is, no flipped bit goes unseen, nothing else is raised."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import records_of
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.reader import BoltStore
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stores.bboltimage import (
    BRANCH,
    LEAF,
    entries,
    index_key,
    logs_inline,
    opened,
    raft_db,
    read_store,
    shape_and_records,
)


def leaf(number, pos, code, value):
    """Overwrite a number in a leaf page of the log."""
    return lambda image: image.put_number(image.leaf_ids[number], pos, code, value)


def key(number, element, index):
    """Overwrite a key in a leaf page of three entries of 96 bytes."""
    return lambda image: image.put(image.leaf_ids[number], 16 + 48 + element * 104, index_key(index))


def bound(branch, number, index):
    """Overwrite a key in a branch page of four children."""
    return lambda image: image.put(image.branch_ids[branch], 16 + 64 + number * 8, index_key(index))


# (damage, what is said, leaf page it is said of or None for the branch page, position in it)
DAMAGES = [
    (leaf(3, 0, "Q", 9), "page 7 says that it is page 9", 3, 0),
    (leaf(3, 8, "H", BRANCH), "of the branch kind", 3, 0),
    (leaf(3, 8, "H", LEAF | BRANCH), "of the unknown kind", 3, 0),
    (leaf(3, 10, "H", 0xFFFF), "claims 65535 elements", 3, 0),
    (leaf(3, 10, "H", 0xFFFE), "table of 65534 elements does not fit", 3, 0),
    (leaf(3, 10, "H", 2), "a key 48 bytes from its element, wanted 32", 3, 16),
    (leaf(3, 10, "H", 4), "a key 48 bytes from its element, wanted 64", 3, 16),
    (leaf(2, 12, "I", 1), "is used twice", 2, 0),
    (leaf(3, 10, "H", 0), "a leaf page without keys", 3, 0),
    (leaf(3, 12, "I", 0xFFFFFFFF), "referred to, but only", 3, 0),
    (leaf(3, 16, "I", 2), "unknown element flags 0x2", 3, 16),
    (leaf(3, 32, "I", 1), "that is not an index", 3, 16 + 48 + 104),
    (leaf(3, 36, "I", 137), "a key 137 bytes from its element, wanted 136", 3, 32),
    (leaf(3, 40, "I", 7), "not in ascending order", 3, 32),
    (leaf(3, 24, "I", 9), "wanted 137", 3, 32),
    (leaf(3, 28, "I", 95), "wanted 135", 3, 32),
    (leaf(3, 60, "I", 1 << 31), "run past the end of the page", 3, 48),
    (key(3, 1, 10), "not in ascending order", 3, 32),
    (key(3, 1, 13), "not in ascending order", 3, 48),
    (key(3, 0, 9), "entries 9 to 9 where only 10 to 12 can be", 3, 0),
    (key(3, 2, 13), "entry 13 where entry 12 should be", 3, 0),
    (key(0, 0, 0), "entries 0 to 0 where only 1 to 3 can be", 0, 0),
    (bound(0, 1, 5), "entries 4 to 6 where only 5 to 6 can be", 1, 0),
    (bound(0, 2, 6), "entries 4 to 6 where only 4 to 5 can be", 1, 0),
    (bound(0, 2, 4), "not in ascending order", None, 48),
    (lambda image: image.put_number(image.branch_ids[0], 16 + 48 + 4, "I", 9), "is not an index", None, 0),
]


@pytest.mark.parametrize(("damage", "match", "page", "pos"), DAMAGES)
def test_damaged(tmp_path, damage, match, page, pos):
    image = raft_db(entries(30))
    damage(image)
    with pytest.raises(Corrupt, match=match) as caught:
        shape_and_records(tmp_path, image)
    page_id = image.branch_ids[0] if page is None else image.leaf_ids[page]
    assert str(caught.value).startswith(f"{tmp_path / 'raft.db'} at byte {image.off(page_id, pos)}: ")


@pytest.mark.parametrize("value_len", [96, 70000])
def test_a_file_that_changes_between_survey_and_reading(tmp_path, value_len):
    image = raft_db(entries(6, length=value_len), per_leaf=6)
    with opened(tmp_path / "raft.db", image.data) as fd:
        store = BoltStore(fd, "raft.db")
        off = image.off(image.leaf_ids[0])
        with (tmp_path / "raft.db").open("r+b") as file:
            file.seek(off + 16 + 6 * 16 + (8 + value_len // 8 * 8) * 5)
            file.write(index_key(7))
        with pytest.raises(Corrupt, match=r"entry 7 where entry 6 should be|entries 6 to 6 are gone") as caught:
            list(store.batches(store.extents()))
        assert caught.value.offset == off


def reading(path, fd):
    """What reading gives: (stable, records), or None for an error. Anything but StoreError fails the test."""
    try:
        store = BoltStore(fd, path)
        return store.stable(), list(records_of(store, store.extents()))
    except StoreError as error:
        assert str(error).startswith(path)
        assert error.offset is not None
        return None


def structure(image, key_step):
    """(page id, position) of every byte of metas, page headers, element tables and keys of a log of 16-byte values."""
    for page_id in (0, 1, 2):
        yield from ((page_id, pos) for pos in range(80))
    for page_id in image.branch_ids:
        yield from ((page_id, pos) for pos in range(16 + 2 * 24))
    for page_id, count in zip(image.leaf_ids, (4, 3)):
        table_end = 16 + count * 16
        yield from ((page_id, pos) for pos in range(table_end))
        for start in range(table_end, table_end + count * key_step, key_step):
            yield from ((page_id, pos) for pos in range(start, start + 8))
    yield from ((image.root_id, pos) for pos in range(16 + 2 * 16 + 4 + 32))


@pytest.mark.parametrize(
    ("pos", "code", "value", "match"),
    [
        (16 + 16, "I", 1, "that is not an index"),
        (16 + 20, "I", 137, "a key 137 bytes from its element, wanted 136"),
        (16 + 24, "I", 7, "not in ascending order"),
        (16 + 28, "I", 95, "wanted 223"),
    ],
)
def test_the_same_damage_in_all_pages(tmp_path, pos, code, value, match):
    """In the middle element of three, which only reading looks at; pages that are alike are read together."""
    image = raft_db(entries(60))
    for page_id in image.leaf_ids[:12]:  # those below the last branch page are looked at closely before
        image.put_number(page_id, pos, code, value)
    with pytest.raises(Corrupt, match=match):
        read_store(tmp_path / "raft.db", image.data)


@pytest.mark.parametrize("number", [0, 7, 19])
@pytest.mark.parametrize(
    ("pos", "change", "match"),
    [
        (0, struct.pack("<Q", 1000), "says that it is page 1000"),
        (16 + 32 + 12, struct.pack("<I", 5000), "run past the end of the page"),
    ],
)
def test_a_page_that_changes_while_the_store_is_open(tmp_path, number, pos, change, match):
    image = raft_db(entries(60))
    with opened(tmp_path / "raft.db", image.data) as fd:
        store = BoltStore(fd, "raft.db")
        with (tmp_path / "raft.db").open("r+b") as file:
            file.seek(image.off(image.leaf_ids[number], pos))
            file.write(change)
        with pytest.raises(Corrupt, match=match):
            list(store.batches(store.extents()))


def test_no_bit_of_the_structure_flips_unseen(tmp_path):
    """Each flip: an error, the same content, or what only the entry itself can tell, which knows its index and its end.

    The latter are the length of the last value of a page, and the first and the last index of the log.
    """
    image = raft_db(entries(7, length=16), per_leaf=4)
    path = str(tmp_path / "raft.db")
    with opened(tmp_path / "raft.db", image.data) as fd, (tmp_path / "raft.db").open("r+b", buffering=0) as file:
        wanted = reading(path, fd)
        places = list(structure(image, key_step=24))
        flips = {"refused": 0, "same": 0, "left to the entry": 0}
        for page_id, pos in places:
            off = image.off(page_id, pos)
            for bit in range(8):
                file.seek(off)
                file.write(bytes([image.data[off] ^ 1 << bit]))
                found = reading(path, fd)
                if found in (None, wanted):
                    flips["same" if found else "refused"] += 1
                    continue
                assert found[0] == wanted[0] and len(found[1]) == 7, (page_id, pos, bit)
                changed = [(old, new) for old, new in zip(wanted[1], found[1]) if old != new]
                assert len(changed) == 1, (page_id, pos, bit)
                ((index, value), (new_index, new_value)) = changed[0]
                moved = index != new_index and index in (1, 7)
                assert moved or (index in (4, 7) and len(value) != len(new_value)), (page_id, pos, bit)
                flips["left to the entry"] += 1
            file.seek(off)
            file.write(image.data[off : off + 1])
        assert reading(path, fd) == wanted
    assert sum(flips.values()) == len(places) * 8
    assert flips["refused"] > 2000 and flips["left to the entry"] < 100, flips


def fuzz_seeds():
    random_lengths = [(index, bytes([index % 251]) * (index * 37 % 1500)) for index in range(1, 40)]
    return [
        raft_db(entries(40)),
        raft_db(random_lengths, per_leaf=5),
        logs_inline(entries(8, length=16)),
        raft_db([entry for entry in entries(40) if entry[0] % 9], freelist_id=(1 << 64) - 1),
    ]


FUZZ_SEEDS = fuzz_seeds()
EDGES = [0, 1, 2, 7, 8, 16, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, (1 << 63) - 1, (1 << 64) - 1]


@settings(max_examples=400, deadline=None)
@given(
    seed=st.sampled_from(range(len(FUZZ_SEEDS))),
    changes=st.lists(
        st.tuples(st.integers(0, 1 << 20), st.sampled_from("BHIQ"), st.sampled_from(EDGES), st.booleans()),
        min_size=1,
        max_size=4,
    ),
    cut=st.one_of(st.none(), st.integers(0, 1 << 16)),
)
def test_any_damage_gives_success_or_a_store_error(tmp_path_factory, seed, changes, cut):
    image = FUZZ_SEEDS[seed]
    data = bytearray(image.data)
    for where, code, value, at_page_start in changes:
        size = struct.calcsize("<" + code)
        # Half of the changes hit headers and element tables, where they matter most.
        off = where % (len(data) - size)
        off = off // 1024 * 1024 + where % 160 // size * size if at_page_start else off
        struct.pack_into("<" + code, data, min(off, len(data) - size), value & ((1 << 8 * size) - 1))
    for meta_id in (0, 1):  # a right checksum, so that the damage behind the metas is reached
        if cut is None and changes[0][3]:
            body = bytes(image.data[meta_id * 1024 : meta_id * 1024 + 1024])
            data[meta_id * 1024 : meta_id * 1024 + 1024] = body
    path = tmp_path_factory.getbasetemp() / "raft.db"
    with opened(path, data[:cut] if cut is not None else data) as fd:
        reading(str(path), fd)
