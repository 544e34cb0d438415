# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rehearsal leaves: nothing, or when it is killed what the next run removes; and a copy that is to stay."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator, List

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import InUse, Refused
from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import REAL
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import Request, migrate
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.prune import prune
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal.scratch import SCRATCH
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearse import Wish, copy_store, rehearse
from support.stores.builder import NAMES, listing, nomad_store, truth
from support.stores.cloning import Cloning, KilledAt, Without, serve
from support.stores.recording import Killed


@pytest.fixture
def in_use() -> Iterator[List[int]]:
    """Files that a server has open and locked."""
    fds: List[int] = []
    yield fds
    for fd in fds:
        os.close(fd)


@pytest.mark.parametrize("after", ["rehearsal", "conversion", "cleanup"])
def test_killed_at_any_change_the_next_run_cleans_up(after: str, tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    before = listing(raft)
    number, kills = 0, 0
    while True:
        try:
            rehearse(Wish(str(tmp_path)), KilledAt(number))
            break
        except Killed:
            kills += 1
        assert listing(raft) == before
        if after == "rehearsal":
            done = rehearse(Wish(str(tmp_path)), Cloning())
            assert done.rehearsed and done.digest == truth("compacted")["digest"]
        elif after == "conversion":
            migrate(Request(str(tmp_path), backend="boltdb"), REAL)
        else:
            prune(str(tmp_path), 0, check=False)
        assert not (tmp_path / "server" / SCRATCH).exists() and listing(raft) == before
        number += 1 if number < 12 else 9
    assert kills > 15


@pytest.mark.parametrize("name", ["compacted", "wal"])
def test_a_copy_made_while_the_server_was_stopped_is_rehearsed_while_it_runs(
    name: str, tmp_path: Path, in_use: List[int]
) -> None:
    name = next(one for one in NAMES if one.startswith(name))
    raft = nomad_store(name, tmp_path)
    before = listing(tmp_path)
    assert copy_store(str(tmp_path), Without()) == "copy"
    serve(in_use, raft / ("wal/wal-meta.db" if (raft / "wal").exists() else "raft.db"))
    done = rehearse(Wish(str(tmp_path), copied=True), Without())
    assert done.rehearsed and done.in_use and done.method == "copy" and done.digest == truth(name)["digest"]
    assert listing(tmp_path) == before
    again = rehearse(Wish(str(tmp_path), copied=True), Without())
    assert not again.rehearsed and "There is no copy of the store" in again.refusal and listing(tmp_path) == before


def test_a_copy_is_not_made_of_a_store_in_use(tmp_path: Path, in_use: List[int]) -> None:
    raft = nomad_store("compacted", tmp_path)
    serve(in_use, raft / "raft.db")
    before = listing(tmp_path)
    for calls in (Without(), Cloning()):
        with pytest.raises(InUse, match="the store is in use"):
            copy_store(str(tmp_path), calls)
    assert listing(tmp_path) == before


def test_a_copy_that_nobody_has_rehearsed_is_a_leftover(tmp_path: Path) -> None:
    nomad_store("compacted", tmp_path)
    before = listing(tmp_path)
    copy_store(str(tmp_path), Without())
    done = rehearse(Wish(str(tmp_path)), Cloning())
    assert done.left and done.rehearsed and listing(tmp_path) == before


def test_killed_at_any_change_no_half_copy_is_rehearsed(tmp_path: Path) -> None:
    nomad_store("compacted", tmp_path)
    before, number = listing(tmp_path), 0
    while True:
        try:
            copy_store(str(tmp_path), KilledAt(number))
            break
        except Killed:
            number += 1
        assert "There is no copy" in rehearse(Wish(str(tmp_path), copied=True), Without()).refusal
        assert listing(tmp_path) == before
    assert number > 6


def test_a_name_that_the_service_user_exchanges_leads_nowhere(tmp_path: Path) -> None:
    """What was begun goes on where it was begun, and nothing is removed behind the new name."""
    raft = nomad_store("compacted", tmp_path)
    before, place = listing(raft), raft.parent / SCRATCH

    def progress(phase: str, done: int, _total: int, _length: int) -> None:
        if phase == "to wal: convert" and not place.is_symlink():
            place.rename(raft.parent / "elsewhere")
            place.symlink_to("raft")

    with pytest.raises(Refused, match=r"no rehearsal or measurement leaves such a thing.*Nothing was removed"):
        rehearse(Wish(str(tmp_path), progress=progress), Cloning())
    assert listing(raft) == before and os.readlink(place) == "raft"
