# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the disk of one host is like, beside a store that Nomad wrote."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._measure import trial
from ansible_collections.raftops.nomad.plugins.module_utils._measure.disk import disk
from support.recordings import unpack_store


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SMALL", 50_000)
    monkeypatch.setattr(trial, "LARGE", 100_000)


def digest(raft: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(raft.rglob("*")) if path.is_file())).hexdigest()


@pytest.mark.parametrize(("store", "backend"), [("follower", "wal"), ("wal-follower", "boltdb")])
def test_both_ways_are_tried_and_the_store_is_not_touched(tmp_path: Path, store: str, backend: str) -> None:
    before = digest(unpack_store(store, tmp_path))
    found = disk(str(tmp_path), backend, 663, 400_000)
    assert found["error"] == "" and found["syncs"]["median_ms"] > 0
    assert [run["seconds"] > 0 for run in found["trial"]] == [True] * 6
    assert [path.name for path in tmp_path.iterdir()] == ["raft"] and digest(tmp_path / "raft") == before


@pytest.mark.parametrize(("backend", "entries"), [("boltdb", 663), ("wal", 0)])
def test_where_there_is_nothing_to_convert_only_the_flush_is_timed(tmp_path: Path, backend: str, entries: int) -> None:
    unpack_store("follower", tmp_path)
    found = disk(str(tmp_path), backend, entries, 400_000)
    assert (found["trial"], found["error"]) == ([], "") and found["syncs"]["number"] > 0


def test_where_nothing_can_be_measured_it_says_why(tmp_path: Path) -> None:
    assert "no Raft directory" in disk(str(tmp_path), "wal", 1, 1)["error"]
    unpack_store("follower", tmp_path)
    (tmp_path / ".raftops-scratch").symlink_to("/etc")
    found = disk(str(tmp_path), "wal", 1, 1)
    assert "no rehearsal or measurement leaves such a thing" in found["error"] and (found["syncs"], found["trial"]) == (
        None,
        [],
    )
