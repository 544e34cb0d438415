# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the state table with one store that counts: what is done with it in both directions, and what is left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Stable
from support.conversions.checked import on, run
from support.conversions.ways import NEWER
from support.stores.builder import (
    BACKUP,
    NAMES,
    STAMP,
    VOTED,
    entries_of,
    log,
    nomad_start,
    nomad_store,
    raft_directory,
    truth,
    write_boltdb,
    write_guard,
    write_journal,
    write_wal,
)

GUARD = f"this-server-is-on-wal/see-{BACKUP}"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "wal-follower"])
def test_row_3_converts_every_store_of_nomad(name: str, tmp_path: Path) -> None:
    raft = nomad_store(name, tmp_path)
    oracle = truth(name)
    lines = entries_of(raft / "raft.db")
    old = (raft / "raft.db").read_bytes()
    outcome = run(raft)
    assert (outcome.state, outcome.previous_backend, outcome.backend) == ("boltdb", "boltdb", "wal")
    assert outcome.entries == outcome.verified
    assert (outcome.entries or 0) + outcome.dropped_entries == oracle["entries"]
    assert outcome.last_index == oracle["last_index"]
    assert outcome.backup == str(raft / BACKUP)
    assert (raft / BACKUP).read_bytes() == old
    assert os.readlink(raft / "raft.db") == GUARD
    assert not outcome.resumed
    on(raft, "wal", lines[outcome.dropped_entries :])


def test_row_1_empty_is_left_alone(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    for backend in ("wal", "boltdb"):
        outcome = run(raft, backend=backend)
        assert (outcome.changed, outcome.state, outcome.backend) == (False, "empty", None)
        assert "There is no store in" in outcome.warnings[0]
    (raft / "wal").mkdir()
    assert run(raft).state == "empty"
    (raft / "wal/wal-meta.db.tmp").write_bytes(b"half of it")
    assert run(raft).state == "empty"


@pytest.mark.parametrize("stable", [VOTED, Stable(3, None, None), Stable()])
def test_row_3_small_and_empty_logs(stable: Stable, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", [], stable)
    outcome = run(raft)
    assert (outcome.entries, outcome.first_index, outcome.last_index) == (0, 0, 0)
    assert (outcome.stable or {})["current_term"] == stable.current_term
    on(raft, "wal", [str(stable)])


def test_row_3_a_raft_db_of_zero_bytes(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    (raft / "raft.db").touch(0o600)
    assert run(raft).entries == 0
    on(raft, "wal", [str(Stable())])


def test_row_3_wanted_boltdb_is_no_change(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    outcome = run(raft, backend="boltdb")
    assert (outcome.changed, outcome.backend, outcome.entries) == (False, "boltdb", 94)


def test_row_3_wanted_boltdb_closes_a_journal_left_open(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(3))
    write_journal(raft)
    assert run(raft, backend="boltdb").plan == ["close the journal"]
    assert not run(raft, backend="boltdb").changed


@pytest.mark.parametrize("backend", ["wal", "boltdb"])
@pytest.mark.parametrize("left", ["empty directory", "unfinished wal-meta.db", "killed Nomad command"])
def test_row_4_an_abandoned_wal_goes_aside(left: str, backend: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    lines = entries_of(raft / "raft.db")
    if left != "killed Nomad command":
        (raft / "wal").mkdir()
        if left == "unfinished wal-meta.db":
            (raft / "wal/wal-meta.db.tmp").write_bytes(b"half of it")
    else:
        write_wal(raft / "wal", log(2))
        (raft / ".migration-in-progress").write_text("2026-11-22T10:00:00Z")
    outcome = run(raft, backend=backend)
    assert outcome.state == "boltdb"
    assert (raft / f"wal.superseded.{STAMP}").is_dir()
    assert not (raft / ".migration-in-progress").exists()
    if backend == "wal":
        on(raft, "wal", lines)
    else:
        assert nomad_start(raft, "boltdb") == "raft.db" and nomad_start(raft, "wal") == "refuses"


@pytest.mark.parametrize("left", ["no wal-meta.db", "a torn tail", "the whole log"])
def test_row_4_what_the_killed_nomad_command_may_have_left(left: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    lines = entries_of(raft / "raft.db")
    write_wal(raft / "wal", log(5))
    if left == "no wal-meta.db":
        (raft / "wal/wal-meta.db").unlink()
    elif left == "a torn tail":
        (raft / "wal/00000000000000000006-0000000000000002.wal").write_bytes(b"torn")
    (raft / ".migration-in-progress").write_text("2026-11-22T10:00:00Z")
    assert run(raft).state == "boltdb"
    assert (raft / f"wal.superseded.{STAMP}").is_dir() and not (raft / ".migration-in-progress").exists()
    on(raft, "wal", lines)


def test_row_9_finishes_a_run_killed_after_the_switch(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_wal(raft / "wal", [*log(5), *log(9, 6, 4)], NEWER)
    write_boltdb(raft / BACKUP, log(5))
    write_guard(raft)
    write_journal(raft)
    outcome = run(raft)
    assert (outcome.plan, outcome.resumed, outcome.state) == (["close the journal"], True, "wal")
    on(raft, "wal", entries_of(raft / "wal"))
    write_journal(raft)
    (raft / BACKUP).unlink()
    assert run(raft).plan == ["close the journal"]


def test_row_9_wanted_boltdb_after_a_kill_behind_the_switch_to_wal(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_wal(raft / "wal", [*log(5), *log(9, 6, 4)], NEWER)
    write_boltdb(raft / BACKUP, log(5))
    write_guard(raft)
    write_journal(raft)
    lines = entries_of(raft / "wal")
    outcome = run(raft, backend="boltdb")
    assert outcome.resumed and outcome.verified == 9
    assert entries_of(raft / BACKUP) != lines, "the older backup stays what it is"
    on(raft, "boltdb", lines)


@pytest.mark.parametrize("name", NAMES)
def test_row_11_there_and_back_with_everything_that_came_since(name: str, tmp_path: Path) -> None:
    raft = nomad_store(name, tmp_path)
    run(raft)
    newer = Stable(99, 99, b"10.0.0.3:4647")
    entries = log(1003, 1000, 99)
    path = raft / "wal"
    stable_before = entries_of(path)
    for old in path.iterdir():
        old.unlink()
    path.rmdir()
    write_wal(path, entries, newer)
    lines = entries_of(path)
    assert lines != stable_before
    outcome = run(raft, backend="boltdb")
    assert (outcome.state, outcome.previous_backend, outcome.backend) == ("wal", "wal", "boltdb")
    assert (outcome.entries, outcome.first_index, outcome.last_index) == (4, 1000, 1003)
    assert outcome.entries == outcome.verified and outcome.segments is None and outcome.dropped_entries == 0
    assert outcome.backup == str(raft / f"wal.migrated.{STAMP}")
    assert entries_of(raft / f"wal.migrated.{STAMP}") == lines
    on(raft, "boltdb", lines)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "wal-follower"])
def test_row_11_a_backup_that_covers_the_wal_is_put_back(name: str, tmp_path: Path) -> None:
    raft = nomad_store(name, tmp_path)
    old = (raft / "raft.db").read_bytes()
    inode = (raft / "raft.db").stat().st_ino
    run(raft)
    outcome = run(raft, backend="boltdb")
    assert (raft / "raft.db").stat().st_ino == inode and (raft / "raft.db").read_bytes() == old
    assert (raft / "raft.db").stat().st_nlink == 1 and not (raft / BACKUP).exists()
    assert f"link {BACKUP}, which has all that wal/ has, to raft.db.partial" in outcome.plan
    assert outcome.entries == truth(name)["entries"]
    on(raft, "boltdb", entries_of(raft / "raft.db"))


@pytest.mark.parametrize("stable", [VOTED, Stable(3, None, None), Stable()])
def test_row_11_an_empty_wal(stable: Stable, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_wal(raft / "wal", [], stable)
    write_guard(raft)
    assert run(raft, backend="boltdb").entries == 0
    on(raft, "boltdb", [str(stable)])


def test_row_12_a_wal_without_guard_gets_one(tmp_path: Path) -> None:
    raft = nomad_store("wal-follower", tmp_path)
    lines = entries_of(raft / "wal")
    outcome = run(raft)
    assert (outcome.plan, outcome.entries, outcome.segments) == (["make raft.db the guard link"], 366, 5)
    assert os.readlink(raft / "raft.db") == "this-server-is-on-wal/see-docs"
    on(raft, "wal", lines)


@pytest.mark.parametrize("marker", [False, True])
def test_row_12_wanted_boltdb_guards_the_wal_and_converts_it(marker: bool, tmp_path: Path) -> None:
    raft = nomad_store("wal-follower", tmp_path)
    if marker:
        (raft / ".migration-in-progress").write_text("2026-11-22T10:00:00Z")
    lines = entries_of(raft / "wal")
    outcome = run(raft, backend="boltdb")
    assert "make raft.db the guard link" in outcome.plan
    assert (outcome.entries, outcome.verified) == (366, 366)
    on(raft, "boltdb", lines)
