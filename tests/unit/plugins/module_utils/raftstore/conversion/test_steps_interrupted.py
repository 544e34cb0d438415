# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps, interrupted in both directions: every change fails in turn, and a kill comes at every change."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import SystemCalls
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.entry import Entry
from support.conversions.ways import (
    COMPACTED,
    EQUAL,
    EVEN_NEWER,
    ON_WAL,
    PLAIN,
    RETIRE,
    STARTS,
    TO_BOLTDB,
    TO_WAL,
    UNTOUCHED,
    VOTED_ON_WAL,
    Start,
    changes,
    go,
    made_from,
    seen,
    starts,
)
from support.stores.builder import entries_of, log, write_boltdb, write_wal
from support.stores.recording import FailNth, KillAt, Killed, Recorder

EACH = pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
ONE_EACH = pytest.mark.parametrize("start", [PLAIN, VOTED_ON_WAL], ids=lambda start: start.name)


@EACH
@pytest.mark.parametrize("onwards", [False, True], ids=["once", "from then on"])
def test_every_change_fails_in_turn(start: Start, onwards: bool, tmp_path: Path) -> None:
    total = len(changes(start, tmp_path / "count"))
    assert total > 1
    for number in range(total):
        case = made_from(start, tmp_path / str(number))
        before = seen(case.raft)
        calls = FailNth(number, errno.ENOSPC if number % 2 else errno.EIO, onwards)
        try:
            outcome = case.go(calls)
            assert outcome.warnings, "a failure that is not told"
            assert start.way.switch in calls.made or not start.switches
        except StoreError as error:
            assert error.path and str(error)
            if start.undone and start.way.kept not in calls.made[:-1] and not onwards:
                assert seen(case.raft) == before
        case.sane()
        case.completed()


@EACH
def test_killed_at_every_change(start: Start, tmp_path: Path) -> None:
    for number in range(len(changes(start, tmp_path / "count"))):
        case = made_from(start, tmp_path / str(number))
        with pytest.raises(Killed):
            case.go(KillAt(number))
        case.sane()
        case.completed()


BACK = [start for start in STARTS if start.way is TO_BOLTDB]


@pytest.mark.parametrize("start", BACK, ids=lambda start: start.name)
def test_killed_at_every_change_and_the_operator_wants_the_wal_after_all(start: Start, tmp_path: Path) -> None:
    for number in range(len(changes(start, tmp_path / "count"))):
        case = made_from(start, tmp_path / str(number))
        with pytest.raises(Killed):
            case.go(KillAt(number))
        go(TO_WAL, case.raft)
        assert entries_of(case.raft / "wal") == case.expected
        assert starts(case.raft) == {"wal": "wal", "boltdb": "refuses"}


def go_on(raft: Path, in_raft_db: list[Entry], in_wal: list[Entry]) -> str:
    """Nomad starts on what it opens, with whatever configuration lets it, votes and appends; which store that is."""
    if starts(raft)["boltdb"] == "raft.db":
        rewrite(raft / "raft.db", in_raft_db)
        return "raft.db"
    for path in (raft / "wal").iterdir():
        path.unlink()
    (raft / "wal").rmdir()
    write_wal(raft / "wal", in_wal, EVEN_NEWER)
    return "wal"


def rewrite(raft_db: Path, entries: list[Entry]) -> None:
    """Put these entries into the store; it stays the same inode."""
    made = raft_db.parents[1] / "made.db"
    write_boltdb(made, entries, EVEN_NEWER)
    raft_db.write_bytes(made.read_bytes())
    made.unlink()


BEHIND_THE_HOLE = [*log(6, 4), *log(8, 7, 9)]
FURTHER = [*ON_WAL, *log(9, 8, 9)]


@pytest.mark.parametrize(
    ("start", "in_raft_db", "in_wal"),
    [
        (PLAIN, [*log(2), *BEHIND_THE_HOLE], BEHIND_THE_HOLE),
        (VOTED_ON_WAL, FURTHER, FURTHER),
        (UNTOUCHED, FURTHER, FURTHER),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_killed_at_every_change_and_nomad_goes_on_before_the_re_run(
    start: Start, in_raft_db: list[Entry], in_wal: list[Entry], tmp_path: Path
) -> None:
    for number in range(len(changes(start, tmp_path / "count"))):
        case = made_from(start, tmp_path / str(number))
        with pytest.raises(Killed):
            case.go(KillAt(number))
        store = go_on(case.raft, in_raft_db, in_wal)
        case.completed(entries_of(case.raft / store)[start.dropped if store == start.counts else 0 :])


@ONE_EACH
def test_a_failing_sync_after_the_switch_is_told_and_kept(start: Start, tmp_path: Path) -> None:
    number = changes(start, tmp_path / "count", copies=False).index(start.way.switch) + 1
    case = made_from(start, tmp_path / "again", copies=False)
    with pytest.raises(StoreError, match="flush"):
        case.go(FailNth(number))
    assert starts(case.raft)[start.way.backend] == start.way.store
    assert entries_of(case.raft / start.way.store) == case.expected
    case.completed()


@ONE_EACH
def test_a_journal_that_cannot_be_closed_is_a_warning(start: Start, tmp_path: Path) -> None:
    made = changes(start, tmp_path / "count", copies=False)
    at = len(made) - made[::-1].index(("open", ".raft-migrate.json.partial"))  # the change behind it
    case = made_from(start, tmp_path / "again", copies=False)
    outcome = case.go(FailNth(at, onwards=True))
    assert any("journal" in warning for warning in outcome.warnings)
    again = go(start.way, case.raft)
    assert (
        again.plan == ["remove .raft-migrate.json.partial of an interrupted run", "close the journal"] or again.resumed
    )
    case.completed()


@pytest.mark.parametrize("start", [PLAIN, EQUAL, VOTED_ON_WAL], ids=lambda start: start.name)
def test_a_directory_that_cannot_be_read_at_the_end_is_a_warning(start: Start, tmp_path: Path) -> None:
    recorder = Recorder()
    told = made_from(start, tmp_path / "count", copies=False).go(recorder)

    class Gone(Recorder):
        """With the last change the descriptor of the directory becomes that of a file."""

        def fsync(self, fd: int) -> None:
            super().fsync(fd)
            if len(self.made) == len(recorder.made):
                with open(os.devnull, "rb") as other:
                    os.dup2(other.fileno(), fd)

    case = made_from(start, tmp_path / "again", copies=False)
    outcome = case.go(Gone())
    assert any("all steps are done" in warning for warning in outcome.warnings)
    assert (outcome.changed, outcome.entries, outcome.after) == (True, told.entries, told.after)
    case.completed()


def test_raft_db_covers_the_wal_that_was_left_beside_it_when_it_has_left_its_entries_behind(tmp_path: Path) -> None:
    """wal/ could not be renamed after the switch, and nobody came back to it for long."""
    number = changes(COMPACTED, tmp_path / "count", copies=False).index(RETIRE)
    case = made_from(COMPACTED, tmp_path / "again", copies=False)
    assert case.go(FailNth(number)).warnings
    (case.raft / "raft.db").unlink()
    write_boltdb(case.raft / "raft.db", log(2000, 1990, 5), EVEN_NEWER)
    case.completed(entries_of(case.raft / "raft.db"))


def test_wal_that_cannot_be_renamed_after_the_switch_is_a_warning(tmp_path: Path) -> None:
    number = changes(VOTED_ON_WAL, tmp_path / "count", copies=False).index(RETIRE)
    case = made_from(VOTED_ON_WAL, tmp_path / "again", copies=False)
    outcome = case.go(FailNth(number))
    assert any("wal/ could not be renamed" in warning for warning in outcome.warnings)
    assert outcome.backup == str(case.raft / "wal")
    assert starts(case.raft)["boltdb"] == "raft.db"
    case.completed()


def test_a_copy_of_the_wal_in_backup_dir(tmp_path: Path) -> None:
    case = made_from(VOTED_ON_WAL, tmp_path)
    before = {path.name: path.read_bytes() for path in (case.raft / "wal").iterdir()}
    copy = tmp_path / "copies" / RETIRE[1].split(" > ")[1]
    copy.mkdir()
    case.go(SystemCalls())
    copied = {path.name: path.read_bytes() for path in Path(f"{copy}-2").iterdir()}
    assert copied == before and list(copy.iterdir()) == []
    assert Path(f"{copy}-2").stat().st_mode & 0o777 == 0o700
