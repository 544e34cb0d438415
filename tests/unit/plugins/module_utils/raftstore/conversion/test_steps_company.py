# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps while somebody is in the way, in both directions: a server that waits for a lock, a file put in place."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import InUse, Refused, StoreError
from support.conversions.servers import Server
from support.conversions.ways import (
    EQUAL,
    EVEN_NEWER,
    OLD_RAFT_DB,
    OLD_RAFT_DB_BACK,
    PLAIN,
    RETIRE,
    TO_BOLTDB,
    TO_WAL,
    UNTOUCHED,
    VOTED_ON_WAL,
    Case,
    Start,
    changes,
    go,
    made_from,
    starts,
)
from support.stores.builder import BACKUP, entries_of, listing, log, write_boltdb
from support.stores.recording import FailNth, Hook, KillAt, Killed, Recorder

# From where, the file that a server opens, before which change, and whether the switch is made and taken back then.
WAITS = [
    (start, "raft.db", before, before != "rename .raft-migrate.json.partial")
    for start in (PLAIN, EQUAL, OLD_RAFT_DB)
    for before in ("rename .raft-migrate.json.partial", "link raft.db >", "rename raft.db.guard.partial >")
]
WAITS += [
    (VOTED_ON_WAL, "wal/wal-meta.db", "fsync .raft-migrate.json.partial", False),
    (UNTOUCHED, BACKUP, "link", False),
    (OLD_RAFT_DB_BACK, "raft.db", "link", False),
    (OLD_RAFT_DB_BACK, "raft.db", "rename raft.db.partial", True),
    (OLD_RAFT_DB_BACK, "wal/wal-meta.db", "link", False),
]


@pytest.mark.parametrize(
    ("start", "file", "before", "switched"), WAITS, ids=lambda value: getattr(value, "name", str(value))
)
def test_a_server_that_waits_for_a_lock_keeps_its_store(
    start: Start, file: str, before: str, switched: bool, tmp_path: Path
) -> None:
    """Seen with Nomad 2.0.5: it would go on in the renamed file, with votes and writes that the new store has not."""
    case = made_from(start, tmp_path, copies=False)
    path = case.raft / file
    server = Server(path, "wait")
    inode, would_start = path.stat().st_ino, starts(case.raft)
    hook = Hook(lambda name, what: f"{name} {what}".startswith(before), server.start)
    with pytest.raises(InUse) as caught:
        case.go_in_company(hook)
    assert hook.done and f"PID {server.pid}" in caught.value.what
    assert (start.way.switch in hook.made) == switched, "it was there to be seen before"
    server.stop()
    assert path.stat().st_ino == inode, "what it waits for must still have its name"
    assert path.read_bytes().endswith(b"!"), "its write must be in the file of this name"
    assert starts(case.raft) == would_start
    assert entries_of(case.raft / start.counts)[start.dropped :] == case.expected
    case.sane()
    case.completed()


SWITCHING = pytest.mark.parametrize(
    "start", [PLAIN, EQUAL, OLD_RAFT_DB, OLD_RAFT_DB_BACK], ids=lambda start: start.name
)


def goes_on_in_its_second_name(case: Case) -> None:
    """A server that waited votes and appends in the renamed file: a re-run must see that, and leave it to a person."""
    raft = case.raft
    (old,) = raft.glob(f"raft.db.{'migrated' if case.start in (PLAIN, EQUAL) else 'superseded'}.*")
    made = raft.parent / "made.db"
    write_boltdb(made, [*log(5), *log(9, 6, 9)], EVEN_NEWER)
    old.write_bytes(made.read_bytes())
    made.unlink()
    before = listing(raft)
    for way in (TO_WAL, TO_BOLTDB):
        with pytest.raises(Refused, match=old.name):
            go(way, raft)
    assert listing(raft) == before


@SWITCHING
@pytest.mark.parametrize("how", ["sync fails", "killed"])
def test_a_fork_behind_a_switch_that_did_not_end_is_seen(how: str, start: Start, tmp_path: Path) -> None:
    number = changes(start, tmp_path / "count", copies=False).index(start.way.switch) + 1
    case = made_from(start, tmp_path / "again", copies=False)
    with pytest.raises((StoreError, Killed)):
        case.go(FailNth(number) if how == "sync fails" else KillAt(number))
    goes_on_in_its_second_name(case)


@SWITCHING
def test_a_fork_is_seen_when_the_old_file_could_not_get_its_name_back(start: Start, tmp_path: Path) -> None:
    case = made_from(start, tmp_path, copies=False)
    server = Server(case.raft / "raft.db", "wait")
    switch = start.way.switch

    class CannotPutBack(Hook):
        """The rename over the new raft.db fails."""

        def _before(self, name: str, what: str) -> None:
            super()._before(name, what)
            if name == "rename" and what.endswith(" > raft.db") and what != switch[1]:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    calls = CannotPutBack(lambda name, what: (name, what) == switch, server.start)
    with pytest.raises(StoreError, match=r"rename to raft\.db"):
        case.go_in_company(calls)
    server.stop()
    goes_on_in_its_second_name(case)


@pytest.mark.parametrize("start", [PLAIN, VOTED_ON_WAL], ids=lambda start: start.name)
def test_the_lock_is_held_until_the_end(start: Start, tmp_path: Path) -> None:
    case = made_from(start, tmp_path, copies=False)
    raft = case.raft
    free: list[str] = []
    held: set[str] = set()

    class Prober(Recorder):
        """Before each change, whether somebody else could take one of the locks."""

        def _before(self, name: str, what: str) -> None:
            super()._before(name, what)
            for path in (raft, raft / "raft.db", raft / "wal/wal-meta.db"):
                if not path.exists():
                    continue
                fd = os.open(path, os.O_RDONLY)
                try:
                    fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    free.append(f"{path.name} at {name} {what}")
                except BlockingIOError:
                    held.add(path.name)
                finally:
                    os.close(fd)

    case.go(Prober())
    assert free == [] and held == {"raft", "raft.db", "wal-meta.db"}


@pytest.mark.parametrize(
    ("start", "sync"), [(PLAIN, "wal.partial"), (VOTED_ON_WAL, "raft.db.partial")], ids=lambda v: getattr(v, "name", "")
)
def test_a_raft_db_that_was_put_there_during_the_run_is_not_replaced(start: Start, sync: str, tmp_path: Path) -> None:
    case = made_from(start, tmp_path, copies=False)
    raft_db = case.raft / "raft.db"

    def put() -> None:
        raft_db.unlink()
        write_boltdb(raft_db, log(9), EVEN_NEWER)

    hook = Hook(lambda name, what: (name, what) == ("fsync", sync), put)
    with pytest.raises(Refused, match="has been replaced"):
        case.go(hook)
    assert entries_of(case.raft / "wal") == case.expected
    assert len(entries_of(raft_db)) == 10


def test_a_wal_that_cannot_be_renamed_while_a_server_waits_for_it_is_a_failure(tmp_path: Path) -> None:
    """It would go on there as soon as this run has ended, though raft.db counts."""
    number = changes(VOTED_ON_WAL, tmp_path / "count", copies=False).index(RETIRE)
    case = made_from(VOTED_ON_WAL, tmp_path / "again", copies=False)
    server = Server(case.raft / "wal/wal-meta.db", "open")

    class Waited(FailNth):
        def rename(self, old: str, new: str, dir_fd: int) -> None:
            if old == "wal":
                server.start()
            super().rename(old, new, dir_fd)

    with pytest.raises(InUse) as caught:
        case.go_in_company(Waited(number))
    assert f"PID {server.pid}" in caught.value.what
    server.stop()
    case.completed()
