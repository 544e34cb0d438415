# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages outside the file or with two owners are refused, in one process and in several."""

from __future__ import annotations

import os

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt.pageset import PageSet


@pytest.mark.parametrize(
    ("first", "count", "match"),
    [
        (1, 1, "page 1 referred to, but only 2 to 20 are in use"),
        (20, 2, "pages 20 to 21 referred to"),
        (1 << 63, 1, "page 9223372036854775808 referred to"),
        (2, 1 << 32, "referred to"),
        (9, 3, "page 10 is used twice"),
        (17, 1, "page 17 is used twice"),
    ],
)
def test_refuses(first, count, match):
    pages = PageSet(21)
    pages.add(10, 8, 0)
    with pytest.raises(Corrupt, match=match) as caught:
        pages.add(first, count, 48)
    assert caught.value.offset == 48


def test_processes_share_what_is_taken():
    pages = PageSet(21)
    pages.add(5, 2, 0)
    pid = os.fork()
    if pid == 0:
        try:
            pages.add_each([9, 10], 0)
        finally:
            os._exit(pages.count)
    assert os.waitpid(pid, 0)[1] >> 8 == 4, "the child has counted its pages with ours"
    with pytest.raises(Corrupt, match="page 10 is used twice"):
        pages.add(10, 1, 0)
    assert pages.without_owner() == 2
    pages.check_count(4)
    with pytest.raises(Corrupt, match="is used twice"):
        pages.check_count(5)  # two had taken the same in the same moment


def test_every_page_once():
    pages = PageSet(21)
    for page_id in range(2, 21):
        pages.add(page_id, 1, 0)
    pages.add(7, 0, 0)
    assert pages.without_owner() is None


def test_more_pages_than_are_taken_at_once():
    pages = PageSet(1 << 18)
    pages.add(2, (1 << 18) - 4, 0)
    assert pages.without_owner() == (1 << 18) - 2
    pages.check_count((1 << 18) - 4)
    with pytest.raises(Corrupt, match="page 200000 is used twice"):
        pages.add(200_000, 1, 0)
