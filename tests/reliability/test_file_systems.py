# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file systems that servers have: they differ in what POSIX leaves open, such as what an open directory lists."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.describe import describe
from support import filesystems
from support.conversions import conversion, invariants, runs
from support.conversions.kills import killed_at
from support.conversions.sampling import numbers
from support.conversions.situations import ALL, TO_BOLTDB, TO_WAL, Situation, Template
from support.stores import judge

Templates = Callable[[Situation], Template]
ONE_OF, ONE_OF_MANY = 29, 2  # of the points of a run; those next to the switch are all tried
KILLED = [TO_WAL[0], TO_BOLTDB[0]]


@pytest.fixture(params=filesystems.NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def top(name: str, tmp_path: Path) -> Iterator[Path]:
    with contextlib.ExitStack() as mounts:
        yield mounts.enter_context(filesystems.mounted(name, tmp_path))


def test_a_listing_shows_what_came_after_the_directory_was_opened(top: Path) -> None:
    (top / "early").mkdir()
    directory = Directory.open(str(top))
    seen = directory.names()
    (top / "late").mkdir()
    (top / "early").rmdir()
    assert set(directory.names()) == {*seen, "late"} - {"early"}
    directory.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_there_and_back(top: Path, templates: Templates, workers: int) -> None:
    """HashiCorp's libraries read both stores and go on with them; what is told afterwards is what is there."""
    template = templates(TO_WAL[1])
    raft = template.copy(top / "data")
    for backend, store in (("wal", raft / "wal"), ("boltdb", raft / "raft.db")):
        before = template.expected if backend == "wal" else judge.digest(raft / "wal")
        end = conversion.run(raft, backend=backend, workers=workers, backup_dir=str(top / "data/copies"))
        assert end.succeeded and end.outcome is not None, end.error
        assert judge.digest(store) == before
        judge.judge("check", store)
        judge.append(store, count=20, term=300)
        assert sorted(line.split(" -> ")[0].rstrip("/") for line in end.outcome["after"]) == sorted(
            path.name for path in raft.iterdir()
        )
        assert describe(str(top / "data"), verify=True)["backend"] == backend


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("situation", KILLED, ids=lambda situation: situation.name)
def test_killed_and_run_again(
    name: str, top: Path, situation: Situation, workers: int, templates: Templates, cover: Callable[..., None]
) -> None:
    killed(top, templates(situation), workers, ONE_OF, lambda kills: cover(f"kills on {name}", kills))


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("situation", ALL, ids=lambda situation: situation.name)
def test_killed_at_many_moments_in_every_situation(
    name: str, top: Path, situation: Situation, workers: int, templates: Templates, cover: Callable[..., None]
) -> None:
    killed(top, templates(situation), workers, ONE_OF_MANY, lambda kills: cover(f"kills on {name}", kills))


def killed(top: Path, template: Template, workers: int, one_of: int, cover: Callable[[int], None]) -> None:
    found = invariants.before(template)
    changes = runs.record(template, top / "data", workers)
    for number in numbers(changes, False, one_of, runs.switch_of(changes)):
        cover(killed_at(number, changes[number], template, found, top / "data", workers))
