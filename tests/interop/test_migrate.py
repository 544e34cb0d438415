# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole conversion of a Raft directory, and what raft-wal finds in it afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import IndexGap
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.describe import describe
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import Request, migrate
from support.recordings import unpack_store
from support.stores import judge, shapes


def kept_first(whole: dict[str, Any]) -> int:
    """First index of the part of a log that a WAL can hold: what follows the last hole."""
    holes = whole["holes"]
    return holes[-1][1] + 1 if holes else whole["first_index"]


@pytest.mark.parametrize("name", [*shapes.BOLTDB, *shapes.RECORDED_BOLTDB])
def test_raft_wal_finds_what_raft_db_held(name: str, tmp_path: Path) -> None:
    source = shapes.raft_db(name, tmp_path)
    whole = judge.judge("digest", source)
    expected = judge.digest(source, kept_first(whole))
    if expected.first_index > 1 and not (source.parent / "snapshots").exists():
        judge.judge("snapshot", f"-index={expected.first_index - 1}", source.parent)
    outcome = migrate(Request(str(tmp_path), wal_segment_size=1, workers=1))
    assert outcome.changed and outcome.backend == "wal"
    assert (outcome.entries, outcome.verified) == (expected.entries, expected.entries)
    assert outcome.dropped_entries == whole["entries"] - expected.entries
    assert outcome.stable == expected.stable
    wal = tmp_path / "raft/wal"
    assert judge.digest(wal) == expected
    judge.judge("check", wal)
    assert judge.append(wal, count=5).entries == expected.entries + 5
    assert judge.digest(Path(str(outcome.backup))) == judge.content(whole)


@pytest.mark.parametrize("name", [*shapes.RECORDED_BOLTDB, *shapes.RECORDED_WAL])
def test_the_digest_that_a_person_sees_is_the_judges(name: str, tmp_path: Path) -> None:
    raft = unpack_store(name[6:], tmp_path)
    seen = describe(str(tmp_path), digest=True)
    assert seen["digest"] == judge.digest(raft / ("wal" if name in shapes.RECORDED_WAL else "raft.db")).digest
    if not seen["gaps"] and seen["backend"] == "boltdb":
        migrate(Request(str(tmp_path), workers=1))
        assert describe(str(tmp_path), digest=True)["digest"] == seen["digest"]


@pytest.mark.parametrize(
    "name",
    ["wal-head-truncated", "wal-tail-rewritten", "wal-torn-append", "wal-seal-not-recorded", "wal-stray-segment"],
)
def test_a_wal_of_raft_wal_is_described_without_touching_it(name: str, tmp_path: Path) -> None:
    path = shapes.wal(name, tmp_path)
    before = shapes.content(tmp_path)
    seen = describe(str(tmp_path), digest=True, verify=True)
    assert shapes.content(tmp_path) == before
    found = judge.digest(path)
    assert (seen["state"], seen["backend"]) == ("wal", "wal")
    assert (seen["digest"], seen["first_index"], seen["last_index"], seen["entries"]) == found[:4]
    assert seen["stable"] == found.stable


@pytest.mark.parametrize("name", ["hole", "holes", "hole-on-page-edges", "head-deleted", "large-index"])
def test_a_log_that_does_not_follow_on_its_snapshot_is_refused(name: str, tmp_path: Path) -> None:
    source = shapes.raft_db(name, tmp_path)
    first = kept_first(judge.judge("digest", source))
    judge.judge("snapshot", f"-index={first - 2}", source.parent)
    before = shapes.content(tmp_path)
    with pytest.raises(IndexGap, match=str(first)):
        migrate(Request(str(tmp_path), workers=1))
    assert shapes.content(tmp_path) == before


def test_a_log_that_ends_below_its_snapshot_is_written_empty_and_takes_the_entry_after_it(tmp_path: Path) -> None:
    source = shapes.raft_db("plain", tmp_path)
    stable = judge.digest(source).stable
    judge.judge("snapshot", "-index=750", source.parent)
    outcome = migrate(Request(str(tmp_path), workers=1))
    assert (outcome.entries, outcome.dropped_entries) == (0, 600)
    grown = judge.append(tmp_path / "raft/wal", first=751, count=20)
    assert (grown.first_index, grown.last_index, grown.stable) == (751, 770, stable)
