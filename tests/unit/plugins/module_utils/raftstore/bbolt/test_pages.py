# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pages are read together, and trees that are cut into branches. Damages are in test_reader.py."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt.pages import Pages
from support.stores.bboltimage import LEAF, Image, entries, opened, raft_db


class TestWindows:
    """Which pages are read together. Windows may differ in size, but what they hold is the file's bytes."""

    @staticmethod
    def windows(tmp_path, page_ids, page_count=2000, page_size=1024):
        image = Image(page_size)
        for number in range(3, page_count):
            image.data += struct.pack("<QHHI", number, LEAF, 0, 0).ljust(page_size, b"\0")
        image.finish({})
        with opened(tmp_path / "file.db", image.data) as fd:
            found = list(Pages(fd, "file.db").windows(page_ids))
        assert [page_id for window in found for page_id, _pos in window.leaves] == list(page_ids)
        for window in found:
            assert window.buf == image.data[window.base_off : window.base_off + len(window.buf)]
            for page_id, pos in window.leaves:
                assert struct.unpack_from("<Q", window.buf, pos) == (page_id,)
        return [len(window.buf) for window in found]

    def test_neighbours_are_read_two_megabytes_at_a_time(self, tmp_path):
        assert self.windows(tmp_path, range(3, 2900), page_count=3000) == [2 << 20, 849 * 1024]

    def test_backwards_and_with_jitter(self, tmp_path):
        assert self.windows(tmp_path, range(1000, 3, -1)) == [997 * 1024]
        assert len(self.windows(tmp_path, [number ^ 5 for number in range(8, 1000)])) == 1

    def test_far_pages_are_read_by_themselves(self, tmp_path):
        assert self.windows(tmp_path, [3, 500, 4, 1900, 5, 900]) == [1024] * 6

    def test_no_order_makes_us_read_much_more_than_the_pages(self, tmp_path):
        spread = [3 + (number * 617) % 1900 for number in range(1900)]
        assert sum(self.windows(tmp_path, spread)) <= 1900 * 1024 * 16

    def test_one_page_far_behind_many_neighbours(self, tmp_path):
        """Whatever such a search finds where pages do not ascend."""
        for far in range(2, 40):
            pages = [*range(3, 3 + far), 2400, *range(3 + far, 2300)]
            assert max(self.windows(tmp_path, pages, page_count=2500)) <= 2 << 20

    def test_pages_larger_than_a_window(self, tmp_path):
        assert self.windows(tmp_path, [3, 4], page_count=6, page_size=2 << 20) == [2 << 20] * 2


@pytest.mark.parametrize("page_ids", [[3, 5, 4, 9], [3, 1900, 700], range(1000, 3, -1)])
@pytest.mark.parametrize("length", [32, 1024, 5000])
def test_the_first_bytes_of_pages(tmp_path, page_ids, length):
    """Near each other they are read at once, else one by one; a page at most."""
    image = Image()
    for number in range(3, 2000):
        image.data += struct.pack("<Q", number) * 128
    image.finish({})
    with opened(tmp_path / "file.db", image.data) as fd:
        heads = Pages(fd, "file.db").heads(page_ids, length)
    assert heads == [(struct.pack("<Q", number) * 128)[:length] for number in page_ids]


def test_the_branches_of_a_tree_have_its_leaves(tmp_path):
    image = raft_db(entries(300))  # a hundred leaf pages, four below each branch page
    root_id = image.branch_ids[-1]
    with opened(tmp_path / "raft.db", image.data) as fd:
        whole, cut = Pages(fd, "raft.db"), Pages(fd, "raft.db")
        leaves = list(whole.leaves(whole.tree(root_id, 0)))
        branches = list(cut.branches(cut.tree(root_id, 0)))
        assert len(branches) == 2
        assert [found for branch in branches for found in cut.leaves(branch)] == leaves
    assert [page_id for found in leaves for page_id in found.page_ids] == image.leaf_ids
    assert cut.taken == whole.taken
