# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of hand-made stores: extents, holes, order of pages, values of every length, memory."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, Unsupported
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import records_of
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt.format import PAGE_SIZES
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb import log
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.reader import BoltStore
from support.stores.bboltimage import (
    NOT_STORED,
    Image,
    entries,
    index_key,
    inline,
    logs_inline,
    opened,
    paged,
    raft_db,
    shape_and_records,
)


class TestExtents:
    @pytest.mark.parametrize("page_size", PAGE_SIZES[:9])
    @pytest.mark.parametrize("count", [1, 3, 4, 200])
    def test_without_holes_it_is_one(self, tmp_path, page_size, count):
        items = entries(count, first=5)
        assert shape_and_records(tmp_path, raft_db(items, page_size)) == ([(5, count)], items)

    def test_empty(self, tmp_path):
        assert shape_and_records(tmp_path, raft_db([])) == ([], [])
        assert shape_and_records(tmp_path, logs_inline([])) == ([], [])

    def test_inline(self, tmp_path):
        items = entries(5, first=9, length=16)
        assert shape_and_records(tmp_path, logs_inline(items)) == ([(9, 5)], items)

    @pytest.mark.parametrize("missing", [{4}, {5}, {6}, {4, 5, 6}, {5, 6, 7}, {1, 2, 30}, {2, 4, 6}, set(range(8, 25))])
    @pytest.mark.parametrize("per_leaf", [1, 3, 7])
    def test_holes_anywhere_in_a_page_end_an_extent(self, tmp_path, missing, per_leaf):
        items = [entry for entry in entries(30) if entry[0] not in missing]
        expected, previous = [], 0
        for index, _value in items:
            if index == previous + 1 and expected:
                expected[-1] = (expected[-1][0], expected[-1][1] + 1)
            else:
                expected.append((index, 1))
            previous = index
        assert shape_and_records(tmp_path, raft_db(items, per_leaf=per_leaf)) == (expected, items)
        inlined = logs_inline([(index, value[:8]) for index, value in items], 4096)
        assert shape_and_records(tmp_path, inlined) == (expected, [(index, value[:8]) for index, value in items])

    def test_any_choice_of_extents_gives_exactly_their_entries(self, tmp_path):
        items = [entry for entry in entries(60) if entry[0] % 11 and entry[0] != 23]
        with opened(tmp_path / "raft.db", raft_db(items).data) as fd:
            store = BoltStore(fd, "raft.db")
            for extent in store.extents():
                got = list(records_of(store, [extent]))
                assert got == [entry for entry in items if extent.first_index <= entry[0] <= extent.last_index]
            twice = [store.extents()[3], store.extents()[1]] * 2
            got = [index for index, _value in records_of(store, twice)]
            assert got == [index for extent in twice for index in range(extent.first_index, extent.last_index + 1)]

    def test_about_two_megabytes_each(self, tmp_path):
        items = entries(9000, length=400)
        with opened(tmp_path / "raft.db", raft_db(items, 4096, per_leaf=9, fan_out=80).data) as fd:
            store = BoltStore(fd, "raft.db")
            extents = store.extents()
            assert [extent.first_index for extent in extents[1:]] == [extent.last_index + 1 for extent in extents[:-1]]
            assert all(2 << 20 <= extent.data_len < (2 << 20) + 9 * 424 for extent in extents[:-1])
            assert store.live_len == sum(extent.data_len for extent in extents) == 9000 * (16 + 8 + 400)
            assert all(sum(map(len, batch.raws)) <= 2 << 20 for batch in store.batches(extents))

    def test_the_largest_indexes(self, tmp_path):
        items = entries(9, first=(1 << 64) - 9)
        assert shape_and_records(tmp_path, raft_db(items)) == ([((1 << 64) - 9, 9)], items)


class TestPlaces:
    """Pages may lie in the file in any order and distance, and values may be longer than any window."""

    @pytest.mark.parametrize("order", ["forward", "backward", "shuffled", "spread"])
    def test_any_order_of_pages(self, tmp_path, order):
        image = Image()
        items = entries(1200)
        chunks = [items[start : start + 4] for start in range(0, len(items), 4)]
        places = list(range(len(chunks)))
        if order == "backward":
            places.reverse()
        elif order == "shuffled":
            random.Random(4).shuffle(places)
        children = {}
        for place in places:
            if order == "spread":
                image.data += bytes(1024 * random.Random(place).randrange(40))
            chunk = chunks[place]
            children[place] = (
                index_key(chunk[0][0]),
                image.leaf([(0, index_key(index), value) for index, value in chunk]),
            )
        level = [children[place] for place in range(len(chunks))]
        level = [(level[start][0], image.branch(level[start : start + 30])) for start in range(0, len(level), 30)]
        image.finish({b"logs": (1, paged(image.branch(level))), b"conf": (1, inline([]))}, freelist_id=NOT_STORED)
        assert shape_and_records(tmp_path, image) == ([(1, 1200)], items)

    def test_a_root_that_names_a_part_of_its_tree_is_found_by_the_pages_that_are_left(self, tmp_path):
        """Every page id in a bucket's value is possible, and so nothing in it shows that a bit has flipped."""
        image = Image()
        image.tree(entries(300), 4, 8)
        part = image.branch_ids[2]
        image.finish({b"logs": (1, paged(part)), b"conf": (1, inline([]))})
        with pytest.raises(Corrupt, match="page 3 is neither in use nor free") as caught:
            shape_and_records(tmp_path, image)
        assert caught.value.offset == 3 * 1024

    @pytest.mark.parametrize("length", [0, 1, 400, 900, 1100, 5000, 60000, 70000, 1 << 20, 3 << 20])
    @pytest.mark.parametrize("page_size", [1024, 65536])
    def test_values_of_any_length(self, tmp_path, length, page_size):
        items = [(index, bytes([index]) * (length if index % 3 else 10)) for index in range(1, 10)]
        shape, records = shape_and_records(tmp_path, raft_db(items, page_size))
        assert records == items
        assert sum(count for _first, count in shape) == 9

    def test_a_hole_in_a_page_with_far_overflow(self, tmp_path):
        items = [(index, bytes([index]) * 700000) for index in (1, 2, 4, 5, 6, 9)]
        shape, records = shape_and_records(tmp_path, raft_db(items, per_leaf=6))
        assert (shape, records) == ([(1, 2), (4, 3), (9, 1)], items)

    def test_an_entry_longer_than_raft_can_hold(self, tmp_path, monkeypatch):
        monkeypatch.setattr(log, "MAX_VALUE_LEN", 3 << 20)
        fits = [(1, b"x"), (2, bytes(3 << 20))]
        assert shape_and_records(tmp_path, raft_db(fits)) == ([(1, 2)], fits)
        image = raft_db([(1, b"x"), (2, bytes((3 << 20) + 1))])
        with pytest.raises(Unsupported, match="entry 2 has 3145729 bytes") as caught:
            shape_and_records(tmp_path, image)
        assert caught.value.offset == image.off(image.leaf_ids[0], 16 + 32 + 8 + 1 + 8)

    def test_memory_does_not_grow_with_the_store(self, tmp_path):
        """A store of 25 MB, most of it in values of 3 MB, is surveyed and read in a few."""
        items = entries(10000, length=400) + [(10001 + number, bytes(3 << 20)) for number in range(7)]
        data = bytes(raft_db(items, 4096, per_leaf=9, fan_out=80).data)
        with opened(tmp_path / "raft.db", data) as fd:
            del items, data
            tracemalloc.start()
            try:
                store = BoltStore(fd, "raft.db")
                count = sum(len(batch.raws) for batch in store.batches(store.extents()))
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
        assert count == 10007
        assert peak < 8 << 20
