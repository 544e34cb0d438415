# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our reader of raft.db against raft-boltdb's own: every legal shape, and what must be refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from support.stores import judge, ours, shapes

# What the sentence must name, besides the path; the other refused shapes are wrong in their first entry.
NAMED = {
    "refused-stable-key": "ClusterID",
    "refused-short-term": "CurrentTerm",
    "refused-short-log-key": "not an index",
    "refused-nested-bucket": "not an index",
    "refused-no-logs": "logs",
    "refused-both-metas-torn": "meta",
    "refused-half-a-file": "94 pages",
}


@pytest.mark.parametrize("name", [*shapes.BOLTDB, *shapes.RECORDED_BOLTDB])
def test_a_raft_db_is_read_as_raft_boltdb_reads_it_and_left_alone(name: str, tmp_path: Path) -> None:
    path = shapes.raft_db(name, tmp_path)
    before = shapes.content(path)
    assert ours.digest(path) == judge.digest(path)
    assert shapes.content(path) == before


@pytest.mark.parametrize("name", shapes.REFUSED)
def test_what_a_wal_cannot_hold_or_raft_never_writes_is_refused_with_the_place(name: str, tmp_path: Path) -> None:
    path = shapes.raft_db(name, tmp_path)
    before = shapes.content(path)
    with pytest.raises(StoreError) as refusal:
        ours.convert_tail(path, tmp_path / "wal", 128 << 20)
    assert str(tmp_path) in str(refusal.value)
    assert NAMED.get(name, "entry 1 ") in str(refusal.value)
    assert shapes.content(path) == before


@pytest.mark.parametrize("name", ["holes", "hole-on-page-edges", "nomad-restored-gap", "nomad-installed-snapshot-gap"])
def test_holes_are_found_where_raft_boltdb_has_no_entry(name: str, tmp_path: Path) -> None:
    path = shapes.raft_db(name, tmp_path)
    assert ours.holes(path) == judge.judge("digest", path)["holes"]
