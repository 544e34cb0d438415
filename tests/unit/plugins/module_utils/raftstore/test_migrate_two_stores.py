# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the state table with two stores: which of them counts, or that nobody can say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import (
    Refused,
)
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Stable
from support.conversions.checked import on, refused, run
from support.conversions.ways import NEWER
from support.stores.builder import (
    BACKUP,
    STAMP,
    VOTED,
    entries_of,
    log,
    nomad_start,
    raft_directory,
    write_boltdb,
    write_guard,
    write_journal,
    write_wal,
)


def test_row_5_equal_stores_only_switch(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", log(5))
    inode = (raft / "wal").stat().st_ino
    outcome = run(raft)
    assert (outcome.state, outcome.verified) == ("both", 5)
    assert (raft / "wal").stat().st_ino == inode
    on(raft, "wal", entries_of(raft / BACKUP))


def test_row_5_wanted_boltdb_keeps_wal_as_backup(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", log(5))
    outcome = run(raft, backend="boltdb")
    assert outcome.backup == str(raft / f"wal.migrated.{STAMP}")
    assert nomad_start(raft, "boltdb") == "raft.db" and not (raft / "wal").exists()


@pytest.mark.parametrize("backend", ["wal", "boltdb"])
def test_row_6_a_raft_db_that_went_on_is_converted_anew(backend: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", [*log(5), *log(9, 6, 4)], NEWER)
    lines = entries_of(raft / "raft.db")
    write_wal(raft / "wal", log(5))
    assert run(raft, backend=backend).state == "both"
    assert (raft / f"wal.superseded.{STAMP}").is_dir()
    if backend == "wal":
        on(raft, "wal", lines)
    else:
        assert entries_of(raft / "raft.db") == lines and nomad_start(raft, "boltdb") == "raft.db"


@pytest.mark.parametrize("old", ["older", "created by mistake", "zero bytes"])
def test_row_7_a_wal_that_went_on_is_kept(old: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    if old == "older":
        write_boltdb(raft / "raft.db", log(5))
    elif old == "zero bytes":
        (raft / "raft.db").touch(0o600)
    else:
        write_boltdb(raft / "raft.db", [], Stable())
    write_wal(raft / "wal", [*log(5), *log(9, 6, 4)], NEWER)
    lines = entries_of(raft / "wal")
    outcome = run(raft)
    assert outcome.backup == str(raft / f"raft.db.superseded.{STAMP}")
    assert os.readlink(raft / "raft.db") == f"this-server-is-on-wal/see-raft.db.superseded.{STAMP}"
    on(raft, "wal", lines)


@pytest.mark.parametrize("old", ["older", "created by mistake", "zero bytes"])
def test_row_7_wanted_boltdb_converts_the_wal_and_keeps_the_old_raft_db(old: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    if old == "older":
        write_boltdb(raft / "raft.db", log(5))
    elif old == "zero bytes":
        (raft / "raft.db").touch(0o600)
    else:
        write_boltdb(raft / "raft.db", [], Stable())
    before = (raft / "raft.db").read_bytes()
    write_wal(raft / "wal", [*log(5), *log(9, 6, 4)], NEWER)
    lines = entries_of(raft / "wal")
    outcome = run(raft, backend="boltdb")
    assert (outcome.state, outcome.previous_backend) == ("both", "boltdb")
    assert (raft / f"raft.db.superseded.{STAMP}").read_bytes() == before
    on(raft, "boltdb", lines)


@pytest.mark.parametrize("backend", ["wal", "boltdb"])
def test_row_7_a_marker_that_has_outlived_the_nomad_command_hides_no_vote(backend: str, tmp_path: Path) -> None:
    """Killed between its rename of raft.db and the removal of its marker; raft.db put back after Nomad had run."""
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(10))
    write_wal(raft / "wal", [*log(10), *log(30, 11, 9)], Stable(9, 9, b"10.0.0.2:4647"))
    lines = entries_of(raft / "wal")
    (raft / ".migration-in-progress").write_text("2026-11-22T10:00:00Z")
    outcome = run(raft, backend=backend)
    assert outcome.state == "both"
    assert not (raft / ".migration-in-progress").exists()
    assert (raft / f"raft.db.superseded.{STAMP}").is_file()
    on(raft, backend, lines)


@pytest.mark.parametrize("newer", ["a vote", "a term", "an entry"])
def test_row_8_a_marker_decides_between_no_two_stores(newer: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    stable = {"a vote": Stable(3, 3, b"10.0.0.2:4647"), "a term": Stable(4, None, None), "an entry": VOTED}[newer]
    write_boltdb(raft / "raft.db", [*log(5), *log(9, 6, 3, "of its own")], Stable(3, None, None))
    write_wal(raft / "wal", log(6 if newer == "an entry" else 5), stable)
    (raft / ".migration-in-progress").write_text("2026-11-22T10:00:00Z")
    for backend in ("wal", "boltdb"):
        assert "each have something" in refused(raft, Refused, backend=backend).what


@pytest.mark.parametrize("other", ["other entry", "other vote", "each ahead"])
def test_row_8_forked_shows_both(other: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", [*log(5), *log(9, 6, 4)], NEWER)
    if other == "other entry":
        write_wal(raft / "wal", [*log(5), *log(9, 6, 4, "of another cluster")], NEWER)
    elif other == "other vote":
        write_wal(raft / "wal", [*log(5), *log(9, 6, 4)], Stable(4, 4, b"10.0.0.3:4647"))
    else:
        write_wal(raft / "wal", log(8), Stable(9, None, None))
    for backend in ("wal", "boltdb"):
        error = refused(raft, Refused, backend=backend)
        assert "entries 1 to 9" in error.what and "term 4" in error.what


def test_row_10_a_backup_that_went_on_is_a_fork(tmp_path: Path) -> None:
    """A server that waited for the lock went on in the renamed file: seen with Nomad 2.0.5."""
    raft = raft_directory(tmp_path)
    write_wal(raft / "wal", log(5))
    write_boltdb(raft / BACKUP, [*log(5), *log(9, 6, 4)], NEWER)
    write_guard(raft)
    write_journal(raft)
    assert BACKUP in refused(raft, Refused).what
    (raft / BACKUP).write_bytes(b"not a store")
    refused(raft, Refused)


def test_row_10_wanted_boltdb_is_refused_too(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_wal(raft / "wal", log(5))
    write_boltdb(raft / BACKUP, [*log(5), *log(9, 6, 4)], NEWER)
    write_guard(raft)
    write_journal(raft)
    error = refused(raft, Refused, backend="boltdb")
    assert BACKUP in error.what and "entries 1 to 9" in error.what
