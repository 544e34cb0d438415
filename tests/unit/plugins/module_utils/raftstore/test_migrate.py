# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every row of the state table on a real directory: the state, the plan, what is there afterwards, what is refused."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Callable, Iterator, List, Tuple, Type

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.disk.errors import (
    Corrupt,
    IndexGap,
    InUse,
    NoSpace,
    Refused,
    StoreError,
    Unsupported,
)
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.base.store import Stable
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.conversion.outcome import Outcome
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.directory.journal import Promise
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.migrate import migrate
from support.stores.builder import (
    BACKUP,
    NAMES,
    STAMP,
    VOTED,
    clock,
    entries_of,
    listing,
    log,
    nomad_start,
    nomad_store,
    raft_directory,
    request,
    truth,
    write_boltdb,
    write_guard,
    write_journal,
    write_snapshot,
    write_wal,
)

GUARD = f"this-server-is-on-wal/see-{BACKUP}"
NEWER = Stable(4, 4, b"10.0.0.2:4647")


def run(raft: Path, **options: object) -> Outcome:
    """Check mode first, which must change nothing and foretell names and plan; then for real."""
    before = listing(raft)
    told = migrate(request(raft, check=True, **options), clock=clock)
    assert listing(raft) == before
    done = migrate(request(raft, **options), clock=clock)
    assert (told.changed, told.state, told.plan, told.after, told.backup) == (
        done.changed, done.state, done.plan, done.after, done.backup,
    )  # fmt: skip
    assert (told.entries, told.first_index, told.last_index, told.dropped_entries, told.stable) == (
        done.entries, done.first_index, done.last_index, done.dropped_entries, done.stable,
    )  # fmt: skip
    assert done.changed == bool(done.plan)
    return done


def refused(raft: Path, kind: Type[StoreError], **options: object) -> StoreError:
    """The error of a refusal, which has left every byte, mode and name as it was, with a path and a remedy."""
    before = listing(raft)
    with pytest.raises(kind) as caught:
        migrate(request(raft, **options), clock=clock)
    assert listing(raft) == before
    assert str(raft) in caught.value.path
    assert caught.value.hint
    return caught.value


def on_wal(raft: Path, lines: List[str]) -> None:
    """The store is the WAL with exactly these entries; Nomad starts on it and on nothing else; again is no change."""
    assert entries_of(raft / "wal") == lines
    assert nomad_start(raft, "wal") == "wal" and nomad_start(raft, "boltdb") == "refuses"
    before = listing(raft)
    again = migrate(request(raft), clock=clock)
    assert (again.changed, again.plan, again.state) == (False, [], "wal")
    assert listing(raft) == before


def on_boltdb(raft: Path, lines: List[str]) -> None:
    """The store is raft.db with exactly these entries; Nomad starts on it and on nothing else; again is no change."""
    assert entries_of(raft / "raft.db") == lines
    assert nomad_start(raft, "boltdb") == "raft.db" and nomad_start(raft, "wal") == "refuses"
    assert not (raft / "wal").exists()
    assert not [path.name for path in raft.iterdir() if path.name.endswith(".partial")]
    before = listing(raft)
    again = migrate(request(raft, backend="boltdb"), clock=clock)
    assert (again.changed, again.plan, again.state) == (False, [], "boltdb")
    assert listing(raft) == before


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
    on_wal(raft, lines[outcome.dropped_entries :])


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


def test_row_2_lost_lists_what_is_left(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / BACKUP, log(3))
    for backend in ("wal", "boltdb"):
        error = refused(raft, Refused, backend=backend)
        assert BACKUP in error.what
    write_guard(raft)
    refused(raft, Refused)
    (raft / "raft.db").unlink()
    write_boltdb(raft / "raft.db", [], Stable())  # what Nomad creates by mistake
    refused(raft, Refused)


@pytest.mark.parametrize("record", ["snapshot", "journal", "wal backup"])
def test_row_2_lost_by_any_record(record: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    if record == "snapshot":
        write_snapshot(raft, 5)
    elif record == "journal":
        write_journal(raft, "done", source=Promise(3, None, None, 1, 5, "ab"))
    else:
        write_wal(raft / f"wal.migrated.{STAMP}", log(2))
    refused(raft, Refused)


@pytest.mark.parametrize("stable", [VOTED, Stable(3, None, None), Stable()])
def test_row_3_small_and_empty_logs(stable: Stable, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", [], stable)
    outcome = run(raft)
    assert (outcome.entries, outcome.first_index, outcome.last_index) == (0, 0, 0)
    assert (outcome.stable or {})["current_term"] == stable.current_term
    on_wal(raft, [str(stable)])


def test_row_3_a_raft_db_of_zero_bytes(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    (raft / "raft.db").touch(0o600)
    assert run(raft).entries == 0
    on_wal(raft, [str(Stable())])


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
        on_wal(raft, lines)
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
    on_wal(raft, lines)


def test_row_5_equal_stores_only_switch(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", log(5))
    inode = (raft / "wal").stat().st_ino
    outcome = run(raft)
    assert (outcome.state, outcome.verified) == ("both", 5)
    assert (raft / "wal").stat().st_ino == inode
    on_wal(raft, entries_of(raft / BACKUP))


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
        on_wal(raft, lines)
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
    on_wal(raft, lines)


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
    on_boltdb(raft, lines)


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
    (on_wal if backend == "wal" else on_boltdb)(raft, lines)


@pytest.mark.parametrize("newer", ["a vote", "a term", "an entry"])
def test_row_8_a_marker_decides_between_no_two_stores(newer: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    stable = {"a vote": Stable(3, 3, b"10.0.0.2:4647"), "a term": Stable(4, None, None), "an entry": VOTED}[newer]
    write_boltdb(raft / "raft.db", [*log(5), *log(9, 6, 3, "of its own")], Stable(3, None, None))
    write_wal(raft / "wal", log(6 if newer == "an entry" else 5), stable)
    (raft / ".migration-in-progress").write_text("2026-11-22T10:00:00Z")
    for backend in ("wal", "boltdb"):
        assert "both have something" in refused(raft, Refused, backend=backend).what


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


def test_row_9_finishes_a_run_killed_after_the_switch(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_wal(raft / "wal", [*log(5), *log(9, 6, 4)], NEWER)
    write_boltdb(raft / BACKUP, log(5))
    write_guard(raft)
    write_journal(raft)
    outcome = run(raft)
    assert (outcome.plan, outcome.resumed, outcome.state) == (["close the journal"], True, "wal")
    on_wal(raft, entries_of(raft / "wal"))
    write_journal(raft)
    (raft / BACKUP).unlink()
    assert run(raft).plan == ["close the journal"]


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
    on_boltdb(raft, lines)


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
    on_boltdb(raft, lines)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "wal-follower"])
def test_row_11_a_backup_that_holds_the_wal_is_put_back(name: str, tmp_path: Path) -> None:
    raft = nomad_store(name, tmp_path)
    old = (raft / "raft.db").read_bytes()
    inode = (raft / "raft.db").stat().st_ino
    run(raft)
    outcome = run(raft, backend="boltdb")
    assert (raft / "raft.db").stat().st_ino == inode and (raft / "raft.db").read_bytes() == old
    assert (raft / "raft.db").stat().st_nlink == 1 and not (raft / BACKUP).exists()
    assert f"link {BACKUP}, which has all that wal/ has, to raft.db.partial" in outcome.plan
    assert outcome.entries == truth(name)["entries"]
    on_boltdb(raft, entries_of(raft / "raft.db"))


@pytest.mark.parametrize("stable", [VOTED, Stable(3, None, None), Stable()])
def test_row_11_an_empty_wal(stable: Stable, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_wal(raft / "wal", [], stable)
    write_guard(raft)
    assert run(raft, backend="boltdb").entries == 0
    on_boltdb(raft, [str(stable)])


def test_row_12_a_wal_without_guard_gets_one(tmp_path: Path) -> None:
    raft = nomad_store("wal-follower", tmp_path)
    lines = entries_of(raft / "wal")
    outcome = run(raft)
    assert (outcome.plan, outcome.entries, outcome.segments) == (["make raft.db the guard link"], 366, 5)
    assert os.readlink(raft / "raft.db") == "this-server-is-on-wal/see-docs"
    on_wal(raft, lines)


@pytest.mark.parametrize("marker", [False, True])
def test_row_12_wanted_boltdb_guards_the_wal_and_converts_it(marker: bool, tmp_path: Path) -> None:
    raft = nomad_store("wal-follower", tmp_path)
    if marker:
        (raft / ".migration-in-progress").write_text("2026-11-22T10:00:00Z")
    lines = entries_of(raft / "wal")
    outcome = run(raft, backend="boltdb")
    assert "make raft.db the guard link" in outcome.plan
    assert (outcome.entries, outcome.verified) == (366, 366)
    on_boltdb(raft, lines)


@pytest.mark.parametrize("raft_db", ["ok", "guard", "absent"])
@pytest.mark.parametrize("damage", ["no metadata", "metadata", "segment gone"])
def test_rows_13_and_15_a_damaged_wal(raft_db: str, damage: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_wal(raft / "wal", log(5))
    if raft_db == "ok":
        write_boltdb(raft / "raft.db", log(5))
    elif raft_db == "guard":
        write_guard(raft)
    if damage == "no metadata":
        (raft / "wal/wal-meta.db").unlink()
    elif damage == "metadata":
        (raft / "wal/wal-meta.db").write_bytes(b"x" * 8192)
    else:
        next((raft / "wal").glob("*.wal")).unlink()
    for backend in ("wal", "boltdb"):
        assert "wal" in refused(raft, Corrupt, backend=backend).path


def test_row_14_a_damaged_raft_db(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    (raft / "raft.db").write_bytes(b"no bbolt file" * 1000)
    write_wal(raft / "wal", log(5))
    for backend in ("wal", "boltdb"):
        assert refused(raft, Corrupt, backend=backend).path.endswith("raft.db")


@pytest.mark.parametrize("damage", [b"\xff", b"\x85"])
def test_damage_found_while_converting_leaves_all_as_it_was(damage: bytes, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(200))
    data = bytearray((raft / "raft.db").read_bytes())
    at = data.index(b"\xaaAppendedAt") - 1
    data[at : at + 1] = damage
    (raft / "raft.db").write_bytes(data)
    error = refused(raft, Corrupt)
    assert error.path.endswith("raft.db")


def leave(raft: Path) -> Tuple[str, ...]:
    """Every partial file that a kill can leave, as a run of ours makes it."""
    write_wal(raft / "wal.partial", log(2))
    (raft / "raft.db.partial").write_bytes(b"half")
    (raft / "raft.db.guard.partial").symlink_to("this-server-is-on-wal/see-docs")
    (raft / ".raft-migrate.json.partial").write_bytes(b"{")
    return ("wal.partial", "raft.db.partial", "raft.db.guard.partial", ".raft-migrate.json.partial")


def test_row_16_our_partials_are_removed(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    lines = entries_of(raft / "raft.db")
    left = leave(raft)
    write_journal(raft)
    outcome = run(raft)
    assert outcome.resumed
    assert not {path.name for path in raft.iterdir()} & {*left, f"wal.partial.superseded.{STAMP}"}
    on_wal(raft, lines)


@pytest.mark.parametrize("phase", ["absent", "done"])
def test_row_17_partials_of_others_go_aside(phase: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    lines = entries_of(raft / "raft.db")
    leave(raft)
    if phase == "done":
        write_journal(raft, "done")
    assert not run(raft).resumed
    assert (raft / f"wal.partial.superseded.{STAMP}").is_dir()
    assert (raft / f"raft.db.partial.superseded.{STAMP}").read_bytes() == b"half"
    assert not (raft / ".raft-migrate.json.partial").exists()
    on_wal(raft, lines)


@pytest.mark.parametrize("second", [BACKUP, f"raft.db.superseded.{STAMP}-2"])
def test_row_18_killed_between_link_and_switch(second: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    os.link(raft / "raft.db", raft / second)
    write_wal(raft / "wal", log(5))
    write_journal(raft)
    outcome = run(raft)
    assert outcome.resumed and outcome.backup
    on_wal(raft, entries_of(Path(outcome.backup)))


def test_row_19_a_foreign_hard_link(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    os.link(raft / "raft.db", tmp_path / "elsewhere")
    assert "second name" in refused(raft, Refused).what
    os.link(raft / "raft.db", raft / BACKUP)
    refused(raft, Refused)


@pytest.mark.parametrize("kind", ["link", "directory", "fifo", "socket-like guard"])
def test_row_20_something_else_named_raft_db(kind: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    if kind == "directory":
        (raft / "raft.db").mkdir()
    elif kind == "fifo":
        os.mkfifo(raft / "raft.db")
    elif kind == "link":
        write_boltdb(tmp_path / "raft.db", log(5))
        (raft / "raft.db").symlink_to(tmp_path / "raft.db")
    else:
        (raft / "raft.db").symlink_to("this-server-is-on-wal")
    for backend in ("wal", "boltdb"):
        assert refused(raft, Refused, backend=backend).path.endswith("raft.db")


@pytest.mark.parametrize("kind", ["link", "file", "unknown metadata", "hard-linked metadata"])
def test_row_21_a_foreign_wal(kind: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    if kind == "file":
        (raft / "wal").touch()
    elif kind == "link":
        write_wal(tmp_path / "wal", log(5))
        (raft / "wal").symlink_to(tmp_path / "wal")
    else:
        write_wal(raft / "wal", log(5))
        if kind == "unknown metadata":
            (raft / "wal/wal-meta.json").touch()
        else:
            os.link(raft / "wal/wal-meta.db", tmp_path / "elsewhere")
    for backend in ("wal", "boltdb"):
        assert "/wal" in refused(raft, Refused, backend=backend).path


@pytest.mark.parametrize("content", [b'{"version": 2}', b"{", b"", b"[]", b"\xff"])
def test_row_22_a_journal_of_a_newer_tool(content: bytes, tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    (raft / ".raft-migrate.json").write_bytes(content)
    for backend in ("wal", "boltdb"):
        assert refused(raft, Unsupported, backend=backend).path.endswith(".raft-migrate.json")


def test_row_23_a_journal_of_somebody_else(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    lines = entries_of(raft / "raft.db")
    write_journal(raft)
    os.chown(raft / ".raft-migrate.json", 12345, 12345)
    leave(raft)
    outcome = run(raft)
    assert (raft / f".raft-migrate.json.superseded.{STAMP}").exists()
    assert (raft / f"wal.partial.superseded.{STAMP}").exists(), "a forged journal must not make us remove anything"
    assert not outcome.resumed
    on_wal(raft, lines)


HOLDER = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
if sys.argv[2] == "lock":
    fcntl.flock(fd, fcntl.LOCK_EX)
print("ready", flush=True)
sys.stdin.read()
"""


def holder(path: Path, how: str) -> subprocess.Popen[str]:
    """Another process that has the file open, or open and locked, until its stdin is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("how", ["lock", "open"])
@pytest.mark.parametrize("file", ["raft.db", "wal/wal-meta.db", BACKUP])
def test_row_24_a_store_in_use(file: str, how: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    if file == "raft.db":
        write_boltdb(raft / "raft.db", log(5))
    else:
        write_wal(raft / "wal", log(5))
        write_boltdb(raft / BACKUP, log(5))
        write_guard(raft)
        write_journal(raft)
    process = holder(raft / file, how)
    try:
        for backend in ("wal", "boltdb"):
            assert f"PID {process.pid} (" in refused(raft, InUse, backend=backend).what
        told = migrate(request(raft, check=True), clock=clock)
        assert told.entries is None and told.state in ("boltdb", "wal")
        assert told.plan
    finally:
        process.communicate("")
    run(raft)


def test_row_25_another_run_is_waited_for(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    process = holder(raft, "lock")
    try:
        assert "another run" in refused(raft, InUse, lock_timeout_s=0.2).what
        assert migrate(request(raft, check=True), clock=clock).state == "boltdb"
    finally:
        process.communicate("")
    run(raft)


def test_a_state_in_no_row_is_refused(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    (raft / "raft.db").touch(0o600)
    (raft / "wal").mkdir()
    refused(raft, Refused)


@pytest.mark.parametrize("depth", ["data_dir", "server", "raft"])
def test_the_directory_may_be_given_at_three_depths(depth: str, tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    given = {"data_dir": tmp_path, "server": tmp_path / "server", "raft": raft}[depth]
    assert migrate(request(given), clock=clock).raft_dir == str(raft)


@pytest.mark.parametrize("link", ["server", "server/raft"])
def test_links_below_the_given_directory_are_refused(link: str, tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path / "real")
    data_dir = tmp_path / "data"
    (data_dir / link).parent.mkdir(parents=True)
    (data_dir / link).symlink_to(raft if link == "server/raft" else raft.parent)
    before = listing(tmp_path)
    with pytest.raises(Refused, match="symbolic link"):
        migrate(request(data_dir))
    assert listing(tmp_path) == before


Change = Callable[[Path], None]
CANNOT: List[Tuple[str, Change, Type[StoreError]]] = [
    ("hole", lambda raft: write_boltdb(raft / "raft.db", [*log(3), *log(9, 6)]), IndexGap),
    ("late start", lambda raft: write_boltdb(raft / "raft.db", log(9, 6)), IndexGap),
]


@pytest.mark.parametrize(("make", "kind"), [case[1:] for case in CANNOT], ids=[case[0] for case in CANNOT])
def test_a_log_that_no_snapshot_covers(make: Change, kind: Type[StoreError], tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    make(raft)
    assert "begins at index 6" in refused(raft, kind).what
    write_snapshot(raft, 4)
    assert "ends at 4" in refused(raft, kind).what
    write_snapshot(raft, 7, term=2)  # older than the other one: its term is lower
    refused(raft, kind)


def test_a_bad_snapshot_justifies_no_dropping(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", [*log(3), *log(9, 6)])
    write_snapshot(raft, 7, crc=1)
    assert "checksum" in refused(raft, IndexGap).what
    write_snapshot(raft, 5)
    outcome = run(raft)
    assert (outcome.dropped_entries, outcome.first_index, outcome.entries) == (3, 6, 4)
    assert any("3-5-1795344470000" in warning for warning in outcome.warnings)


def test_a_log_that_ends_below_the_snapshot_is_written_empty(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(9))
    write_snapshot(raft, 10)
    outcome = run(raft)
    assert (outcome.entries, outcome.first_index, outcome.last_index, outcome.dropped_entries) == (0, 0, 0, 9)
    on_wal(raft, [str(VOTED)])


def test_a_log_that_ends_at_the_snapshot_is_kept(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(9))
    write_snapshot(raft, 9)
    assert run(raft).entries == 9


@pytest.fixture(name="small_disk")
def make_small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_too_little_space_is_refused(small_disk: Path) -> None:
    """Live entries and one more full segment are asked for: a WAL that cannot allocate its next one stops appending."""
    raft = nomad_store("compacted", small_disk)
    assert "are free" in refused(raft, NoSpace, wal_segment_size=8).what
    copies = raft.parent / "copies"
    copies.mkdir()
    (raft.parent / "ballast").write_bytes(bytes(5 << 20))
    assert "are free" in refused(raft, NoSpace, wal_segment_size=2, backup_dir=str(copies)).what
    assert run(raft, wal_segment_size=1).entries == 94


@pytest.mark.parametrize("mounted", ["wal", "raft.db"])
def test_row_21_a_store_that_is_a_mount(mounted: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", log(5))
    subprocess.run(["mount", "--bind", str(raft / mounted), str(raft / mounted)], check=True)
    try:
        assert "mount" in refused(raft, Refused).what
    finally:
        subprocess.run(["umount", str(raft / mounted)], check=True)
    run(raft)


@pytest.mark.parametrize("size", [0, 2048, -1])
def test_segment_sizes_that_break_a_wal_are_refused(size: int, tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    refused(raft, Refused, wal_segment_size=size)


def test_the_configuration_must_say_wal(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    assert "boltdb" in refused(raft, Refused, effective_backend=lambda: "boltdb").what
    told = migrate(request(raft, effective_backend=lambda: "boltdb", check=True), clock=clock)
    assert told.plan and any("backend = boltdb" in warning for warning in told.warnings)
    outcome = run(raft, effective_backend=lambda: "wal")
    assert outcome.warnings == []


def test_the_configuration_is_read_again_before_the_switch(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    lines = entries_of(raft / "raft.db")
    answers = iter(["wal", "boltdb"])
    with pytest.raises(Refused, match="boltdb"):
        migrate(request(raft, effective_backend=lambda: next(answers)), clock=clock)
    assert nomad_start(raft, "boltdb") == "raft.db" and nomad_start(raft, "wal") == "refuses"
    assert run(raft, effective_backend=lambda: "wal").resumed
    on_wal(raft, lines)


def test_a_missing_configuration_is_a_warning(tmp_path: Path) -> None:
    outcome = run(nomad_store("compacted", tmp_path))
    assert any("raft_logstore" in warning for warning in outcome.warnings)


def test_a_copy_in_backup_dir(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path / "data")
    old = (raft / "raft.db").read_bytes()
    copies = tmp_path / "copies"
    copies.mkdir()
    (copies / BACKUP).write_text("taken")
    run(raft, backup_dir=str(copies))
    assert (copies / f"{BACKUP}-2").read_bytes() == old
    assert (copies / f"{BACKUP}-2").stat().st_mode & 0o777 == 0o600
    assert (copies / BACKUP).read_text() == "taken"


def test_a_backup_dir_that_cannot_be_is_refused_first(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    before = listing(raft)
    for bad in (str(tmp_path / "missing"), str(raft)):
        with pytest.raises(Refused):
            migrate(request(raft, backup_dir=bad))
    assert listing(raft) == before


def test_owner_and_modes_come_from_the_old_store(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    os.chown(raft / "raft.db", 12345, 54321)
    os.chmod(raft / "raft.db", 0o6640)
    migrate(request(raft), clock=clock)
    for path in [raft / "wal", *(raft / "wal").iterdir()]:
        status = path.stat()
        assert (status.st_uid, status.st_gid) == (12345, 54321)
        assert status.st_mode & 0o7777 == (0o750 if path.is_dir() else 0o640)


def test_names_that_are_taken_get_a_number(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    (raft / BACKUP).write_text("of somebody")
    write_snapshot(raft, 300)
    outcome = run(raft)
    assert outcome.backup == str(raft / f"{BACKUP}-2")
    assert (raft / BACKUP).read_text() == "of somebody"


def test_no_lock_is_left_behind(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    open_before = len(os.listdir("/proc/self/fd"))
    migrate(request(raft), clock=clock)
    migrate(request(raft, backend="boltdb"), clock=clock)
    migrate(request(raft), clock=clock)
    next(raft.glob("raft.db.migrated.*")).unlink()
    migrate(request(raft, backend="boltdb"), clock=clock)
    assert len(os.listdir("/proc/self/fd")) == open_before
    fd = os.open(raft, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(fd)


def test_a_lock_that_outlives_its_process_is_waited_for(tmp_path: Path) -> None:
    """A re-run that comes while a killed run dies: the kernel may give up the directory's lock before the store's."""
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    lines = entries_of(raft / "raft.db")
    fd = os.open(raft / "raft.db", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    dying = threading.Timer(0.3, os.close, [fd])  # nobody else is seen to have it open
    dying.start()
    assert migrate(request(raft), clock=clock).changed
    dying.join()
    on_wal(raft, lines)
