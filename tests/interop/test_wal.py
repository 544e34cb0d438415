# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our reader of wal/ against raft-wal: directories that raft-wal wrote, truncated, or left in the middle of a write."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from support.stores import judge, ours, shapes


@pytest.mark.parametrize("name", [*shapes.WAL, *shapes.RECORDED_WAL])
def test_a_wal_is_read_as_raft_wal_reads_it_and_left_alone(name: str, tmp_path: Path) -> None:
    path = shapes.wal(name, tmp_path)
    before = shapes.content(path)
    found = ours.digest(path)
    assert shapes.content(path) == before
    assert found == judge.digest(path)  # last: raft-wal tidies up what it opens


@pytest.mark.parametrize("name", shapes.WAL_REFUSED)
def test_a_segment_that_cannot_be_left_over_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    path = shapes.wal(name, tmp_path)
    before = shapes.content(path)
    with pytest.raises(StoreError, match=r"old\.wal|9000-"):
        ours.digest(path)
    assert shapes.content(path) == before


@pytest.mark.parametrize(
    "name", ["every-form", "exponential", "nil-and-empty-data", "old-times-in-zones", "times-edges"]
)
def test_a_wal_that_raft_wal_converted_is_read_alike(name: str, tmp_path: Path) -> None:
    source = shapes.raft_db(name, tmp_path)
    judge.judge("to-wal", "-batch", 100000, "-segment", 65536, source, tmp_path / "wal")
    assert ours.digest(tmp_path / "wal") == judge.digest(source)
