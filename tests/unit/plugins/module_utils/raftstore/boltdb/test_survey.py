# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The survey finds the same in the heads of pages as element by element, and looks closely only where it must.

Extents, holes, damages and bit flips are in test_log.py and test_log_damage.py: they go through survey and reading.
"""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import records_of
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb import survey
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.reader import BoltStore
from support.stores.bboltimage import entries, opened, raft_db


def surveyed(path, image):
    with opened(path / "raft.db", image.data) as fd:
        return [(extent[:3], list(extent.place[0]), extent.place[1]) for extent in BoltStore(fd, "raft.db").extents()]


@pytest.mark.parametrize("length", [30, 400, 3000])
@pytest.mark.parametrize("missing", [set(), {1, 2}, {77}, {100, 101, 102, 103}, {5, 150, 151, 299}])
def test_both_ways_agree(tmp_path, monkeypatch, length, missing):
    image = raft_db([item for item in entries(300, length=length) if item[0] not in missing])
    looked_at = []
    strictly = survey._strict_runs
    monkeypatch.setattr(
        survey, "_strict_runs", lambda log, page_id: looked_at.append(page_id) or strictly(log, page_id)
    )
    found = surveyed(tmp_path, image)
    leaves_below_one_branch = 4
    assert len(looked_at) <= leaves_below_one_branch * (2 * len(missing) + 2)
    monkeypatch.setattr(survey, "_full_runs", lambda *_arguments: None)
    assert surveyed(tmp_path, image) == found


@pytest.mark.parametrize("length", [30, 3000])
@pytest.mark.parametrize("missing", [set(), {1, 2}, {100, 101, 102, 103}, {5, 150, 151, 299}])
def test_several_processes_find_the_same_as_one(tmp_path, monkeypatch, length, missing):
    monkeypatch.setattr(survey, "SHARED_MIN", 0)
    image = raft_db([item for item in entries(300, length=length) if item[0] not in missing])
    with opened(tmp_path / "raft.db", image.data) as fd:
        alone = BoltStore(fd, "raft.db")
        monkeypatch.setattr(survey, "TOGETHER", 3)  # of the four below a branch page
        shared = BoltStore(fd, "raft.db", workers=3)
        assert len(shared.extents()) >= 8, "the branches were looked at one by one"
        assert (shared.entry_count, shared.live_len) == (alone.entry_count, alone.live_len)
        assert list(records_of(shared, shared.extents())) == list(records_of(alone, alone.extents()))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_page_in_two_branches_is_found_whoever_looks_at_them(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(survey, "SHARED_MIN", 0)
    image = raft_db(entries(300))
    lowest = image.branch_ids[:25]  # of four leaf pages each
    image.put_number(lowest[20], 16 + 8, "Q", image.leaf_ids[3])
    with opened(tmp_path / "raft.db", image.data) as fd, pytest.raises(Corrupt, match="is used twice") as caught:
        BoltStore(fd, "raft.db", workers)
    assert (caught.value.path, caught.value.offset) == ("raft.db", image.off(lowest[20]))


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("number", [1, 5, 19])
@pytest.mark.parametrize(
    ("pos", "code", "value", "match"),
    [
        (0, "Q", 1000, "says that it is page 1000"),
        (8, "H", 1, "of the branch kind"),
        (16 + 8, "I", 7, "that is not an index|not in ascending order|wanted"),
        (16 + 32 + 12, "I", 5000, "run past the end of the page"),
    ],
)
def test_damage_of_a_head_is_found_before_anything_is_read(
    tmp_path, monkeypatch, workers, number, pos, code, value, match
):
    monkeypatch.setattr(survey, "SHARED_MIN", 0)
    image = raft_db(entries(60))
    image.put_number(image.leaf_ids[number], pos, code, value)
    with opened(tmp_path / "raft.db", image.data) as fd, pytest.raises(Corrupt, match=match) as caught:
        BoltStore(fd, "raft.db", workers)
    assert caught.value.path == "raft.db"
    assert 0 <= (caught.value.offset or 0) - image.off(image.leaf_ids[number]) < image.page_size
