# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both directions of a conversion, the directories each may start from, and what holds after any interruption."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Callable, NamedTuple

from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import SystemCalls
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Stable
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.outcome import Outcome
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import migrate
from support.stores.builder import (
    BACKUP,
    STAMP,
    VOTED,
    clock,
    entries_of,
    listing,
    log,
    lonely_proc,
    nomad_start,
    raft_directory,
    request,
    write_boltdb,
    write_guard,
    write_journal,
    write_snapshot,
    write_wal,
)
from support.stores.recording import Recorder

NEWER = Stable(4, 4, b"10.0.0.2:4647")
EVEN_NEWER = Stable(9, 9, b"10.0.0.3:4647")
ON_WAL = [*log(5), *log(7, 6, 4)]
MARKER = ".migration-in-progress"


class Way(NamedTuple):
    """One direction: the backend wanted and its store, the same of the old one, and two of its renames.

    Until `kept` a failing run puts everything back; `switch` decides which store counts.
    """

    backend: str
    store: str
    old_backend: str
    old_store: str
    kept: tuple[str, str]
    switch: tuple[str, str]


PUBLISH = ("rename", "wal.partial > wal")
RETIRE = ("rename", f"wal > wal.migrated.{STAMP}")
SWITCH = ("rename", "raft.db.guard.partial > raft.db")
SWITCH_BACK = ("rename", "raft.db.partial > raft.db")
TO_WAL = Way("wal", "wal", "boltdb", "raft.db", PUBLISH, SWITCH)
TO_BOLTDB = Way("boltdb", "raft.db", "wal", "wal", SWITCH_BACK, SWITCH_BACK)


class Start(NamedTuple):
    """A directory to start from. `counts` is the store whose entries must come out, but for the first `dropped`."""

    way: Way
    make: Callable[[Path], None]
    counts: str
    dropped: int = 0
    switches: bool = True
    undone: bool = False  # a run that fails before `way.kept` leaves it as it was

    @property
    def name(self) -> str:
        return f"{self.way.backend}-{self.make.__name__.strip('_')}"


def _plain(raft: Path) -> None:
    """Row 3, with a hole that a snapshot covers."""
    write_boltdb(raft / "raft.db", [*log(2), *log(6, 4)])
    write_snapshot(raft, 3)


def _stale_wal(raft: Path) -> None:
    """Row 6: an interrupted run, after which Nomad went on in raft.db; and a killed Nomad command's marker."""
    write_boltdb(raft / "raft.db", [*log(5), *log(7, 6, 4)], NEWER)
    write_wal(raft / "wal", log(5))
    (raft / MARKER).write_text("2026-11-22T10:00:00Z")


def _equal(raft: Path) -> None:
    """Row 5."""
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", log(5))


def _old_raft_db(raft: Path) -> None:
    """Row 7: raft.db was put back by hand, which would have forgotten a vote."""
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", ON_WAL, NEWER)


def _unguarded(raft: Path) -> None:
    """Row 12."""
    write_wal(raft / "wal", log(5))


def _voted(raft: Path) -> None:
    """Row 11: the server has voted and appended on the WAL."""
    write_wal(raft / "wal", ON_WAL, NEWER)
    write_boltdb(raft / BACKUP, log(5))
    write_guard(raft)
    write_journal(raft, "done")


def _untouched(raft: Path) -> None:
    """Row 11: nothing has happened on the WAL, so that the backup is put back."""
    write_wal(raft / "wal", ON_WAL, NEWER)
    write_boltdb(raft / BACKUP, ON_WAL, NEWER)
    write_guard(raft)
    write_journal(raft, "done")


def _interrupted(raft: Path) -> None:
    """Rows 16 and 9: an interrupted run to WAL, behind its switch, that left a partial file."""
    _voted(raft)
    write_journal(raft, "open")
    (raft / "raft.db.guard.partial").symlink_to("this-server-is-on-wal/see-docs")


def _emptied(raft: Path) -> None:
    """Row 7: a log that ended below the snapshot was written empty, Nomad went on behind it, raft.db was put back."""
    write_boltdb(raft / "raft.db", log(5))
    write_snapshot(raft, 18)
    go(TO_WAL, raft)
    assert entries_of(raft / "wal") == [str(VOTED)]
    shutil.rmtree(raft / "wal")
    write_wal(raft / "wal", log(25, 19, 4), NEWER)
    os.replace(raft / BACKUP, raft / "raft.db")


def _compacted(raft: Path) -> None:
    """Row 7: raft.db was put back when the WAL had long left its entries behind."""
    write_boltdb(raft / "raft.db", log(5))
    go(TO_WAL, raft)
    shutil.rmtree(raft / "wal")
    write_snapshot(raft, 895)
    write_wal(raft / "wal", log(900, 891, 4), NEWER)
    os.replace(raft / BACKUP, raft / "raft.db")


def _of_the_nomad_command(raft: Path) -> None:
    """Row 12: what the Nomad command leaves, and its marker."""
    write_wal(raft / "wal", ON_WAL, NEWER)
    (raft / MARKER).write_text("2026-11-22T10:00:00Z")


PLAIN = Start(TO_WAL, _plain, "raft.db", dropped=2, undone=True)
STALE_WAL = Start(TO_WAL, _stale_wal, "raft.db")
EQUAL = Start(TO_WAL, _equal, "raft.db")
OLD_RAFT_DB = Start(TO_WAL, _old_raft_db, "wal")
UNGUARDED = Start(TO_WAL, _unguarded, "wal", switches=False)
VOTED_ON_WAL = Start(TO_BOLTDB, _voted, "wal", undone=True)
UNTOUCHED = Start(TO_BOLTDB, _untouched, "wal", undone=True)
INTERRUPTED = Start(TO_BOLTDB, _interrupted, "wal")
OLD_RAFT_DB_BACK = Start(TO_BOLTDB, _old_raft_db, "wal")
EMPTIED = Start(TO_BOLTDB, _emptied, "wal")
COMPACTED = Start(TO_BOLTDB, _compacted, "wal")
UNGUARDED_BACK = Start(TO_BOLTDB, _of_the_nomad_command, "wal")
STARTS = [
    PLAIN, STALE_WAL, EQUAL, OLD_RAFT_DB, UNGUARDED,
    VOTED_ON_WAL, UNTOUCHED, INTERRUPTED, OLD_RAFT_DB_BACK, EMPTIED, COMPACTED, UNGUARDED_BACK,
]  # fmt: skip


class Case(NamedTuple):
    """A directory in the state to start from, options with a backup_dir, and the entries that must come out."""

    start: Start
    raft: Path
    options: dict[str, Any]
    expected: list[str]

    def go(self, calls: SystemCalls) -> Outcome:
        """The run that is tried, in which no other process is seen."""
        return go(self.start.way, self.raft, calls, **self.options)

    def go_in_company(self, calls: SystemCalls) -> Outcome:
        """The same, in which every process is seen."""
        return migrate(request(self.raft, backend=self.start.way.backend, **self.options), calls, clock)

    def sane(self) -> None:
        """Never an empty start, whatever the configuration says.

        A WAL without guard is the one state that allows it, and then nothing of ours is there yet.
        """
        found = starts(self.raft)
        if self.start in (UNGUARDED, UNGUARDED_BACK) and not os.path.lexists(self.raft / "raft.db"):
            assert found["wal"] == "wal"
            assert [name for name in os.listdir(self.raft) if not name.startswith(MARKER)] == ["wal"]
            return
        assert "EMPTY" not in found.values(), (found, sorted(os.listdir(self.raft)))

    def completed(self, expected: list[str] | None = None) -> None:
        """A re-run finishes: exactly these entries, nothing half made; and the one after it has nothing to do."""
        way, raft = self.start.way, self.raft
        self.go(SystemCalls())
        assert entries_of(raft / way.store) == (self.expected if expected is None else expected)
        assert starts(raft) == {way.backend: way.store, way.old_backend: "refuses"}
        if way is TO_BOLTDB:
            assert (raft / "raft.db").stat().st_nlink == 1 and not (raft / "wal").exists()
        assert not [name for name in os.listdir(raft) if name.endswith(".partial")]
        assert not self.go(SystemCalls()).changed
        assert not [name for name in os.listdir(raft.parents[1] / "copies") if name.endswith(".partial")]


def made_from(start: Start, where: Path, copies: bool = True) -> Case:
    """Make the directory below `where`; with `copies` there is a backup_dir."""
    raft = raft_directory(where)
    start.make(raft)
    (where / "copies").mkdir()
    options = {"backup_dir": str(where / "copies")} if copies else {}
    return Case(start, raft, options, entries_of(raft / start.counts)[start.dropped :])


def changes(start: Start, where: Path, copies: bool = True) -> list[tuple[str, str]]:
    """The changes of a run from here that nothing disturbs."""
    recorder = Recorder()
    made_from(start, where, copies).go(recorder)
    return recorder.made


def go(way: Way, raft: Path, calls: SystemCalls | None = None, **options: Any) -> Outcome:
    """A run with one worker, for which there are no other processes."""
    wanted = request(raft, backend=way.backend, **options)
    return migrate(wanted, calls or SystemCalls(), clock, lonely_proc(raft.parents[2]))


def starts(raft: Path) -> dict[str, str]:
    """What Nomad does at its start, by the backend that its configuration says."""
    return {backend: nomad_start(raft, backend) for backend in ("wal", "boltdb")}


def seen(raft: Path) -> dict[str, tuple[object, ...]]:
    """The directory, but for the time of the journal, which is written anew with its old content."""
    found = listing(raft)
    if ".raft-migrate.json" in found:
        found[".raft-migrate.json"] = found[".raft-migrate.json"][5:]
    return found
