# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files count as snapshots of ours, and which of them go."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster import snapshotfiles
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Refused

NEWEST, MIDDLE, OLDEST = (
    "nomad-9-20270101T000000Z.snap",
    "nomad-s1.global-20261122T104750Z.snap",
    "nomad-316-20261122T104744Z.snap",
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    directory = tmp_path / "snapshots"
    directory.mkdir(mode=0o700)
    for size, name in enumerate((NEWEST, MIDDLE, OLDEST)):
        (directory / name).write_bytes(bytes(size))
    return directory


def prune(directory: Path, keep: int, check: bool = False) -> list[str]:
    goes, _stays = snapshotfiles.prune(str(directory), os.geteuid(), keep, check)
    return [Path(one.path).name for one in goes]


def test_they_come_in_the_order_of_their_times(saved: Path) -> None:
    assert [one.as_dict() for one in snapshotfiles.found(str(saved))] == [
        {"path": str(saved / OLDEST), "size": 2, "created": "2026-11-22T10:47:44Z"},
        {"path": str(saved / MIDDLE), "size": 1, "created": "2026-11-22T10:47:50Z"},
        {"path": str(saved / NEWEST), "size": 0, "created": "2027-01-01T00:00:00Z"},
    ]


def test_what_is_not_ours_is_neither_listed_nor_removed(saved: Path) -> None:
    """A link with our name, a directory, a file that somebody else has named, one that is still being written."""
    for name in ("cluster.snap", "nomad-316-20261122T104744Z.snap.old", ".snapshot.partial", "nomad-state-1.snap"):
        (saved / name).write_bytes(b"x")
    (saved / "nomad-1-20200101T000000Z.snap").symlink_to(saved / "cluster.snap")
    (saved / "nomad-2-20200101T000000Z.snap").mkdir()
    assert len(snapshotfiles.found(str(saved))) == 3
    before = set(os.listdir(saved))
    assert prune(saved, 0) == [OLDEST, MIDDLE, NEWEST]
    assert before - set(os.listdir(saved)) == {OLDEST, MIDDLE, NEWEST}


@pytest.mark.parametrize(("keep", "goes"), [(1, [OLDEST, MIDDLE]), (2, [OLDEST]), (3, []), (9, [])])
def test_the_newest_stay(saved: Path, keep: int, goes: list[str]) -> None:
    assert prune(saved, keep, check=True) == goes and len(os.listdir(saved)) == 3
    assert prune(saved, keep) == goes and len(os.listdir(saved)) == 3 - len(goes)


def test_a_directory_that_is_not_there_has_none(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path / "no" / "parent"):
        assert snapshotfiles.found(str(path)) == [] and prune(path, 0) == []


def test_one_that_cannot_be_read_has_none_to_show(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert snapshotfiles.found(str(tmp_path / "file")) == []


def test_nothing_is_removed_where_others_can_write_or_less_than_none_is_to_stay(saved: Path) -> None:
    with pytest.raises(Refused, match="-1 snapshots cannot be kept"):
        prune(saved, -1)
    saved.chmod(0o770)
    with pytest.raises(Refused, match="others can write"):
        prune(saved, 0)
    assert len(os.listdir(saved)) == 3


def test_servers_that_share_the_directory_may_remove_at_once(saved: Path) -> None:
    for number in range(300):
        (saved / f"nomad-{number}-20260101T000000Z.snap").touch()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _server: prune(saved, 1), range(4)))
    assert os.listdir(saved) == [NEWEST]
