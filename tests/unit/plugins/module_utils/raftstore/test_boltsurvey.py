# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The survey finds the same from the heads of pages as element by element, and looks closely only where it must.

Extents, holes, damages and bit flips are in test_boltlog.py: they go through survey and reading.
"""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore import boltsurvey
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.boltdb import BoltStore
from unit.plugins.module_utils.raftstore.bboltimage import entries, opened, raft_db


def surveyed(path, image):
    with opened(path / "raft.db", image.data) as fd:
        return [(extent[:3], list(extent.place[0]), extent.place[1]) for extent in BoltStore(fd, "raft.db").extents()]


@pytest.mark.parametrize("length", [30, 400, 3000])
@pytest.mark.parametrize("missing", [set(), {1, 2}, {77}, {100, 101, 102, 103}, {5, 150, 151, 299}])
def test_both_ways_agree(tmp_path, monkeypatch, length, missing):
    image = raft_db([item for item in entries(300, length=length) if item[0] not in missing])
    looked_at = []
    strictly = boltsurvey._strict_runs
    monkeypatch.setattr(
        boltsurvey, "_strict_runs", lambda log, page_id: looked_at.append(page_id) or strictly(log, page_id)
    )
    found = surveyed(tmp_path, image)
    leaves_below_one_branch = 4
    assert len(looked_at) <= leaves_below_one_branch * (2 * len(missing) + 2)
    monkeypatch.setattr(boltsurvey, "_full_runs", lambda *_arguments: None)
    assert surveyed(tmp_path, image) == found
