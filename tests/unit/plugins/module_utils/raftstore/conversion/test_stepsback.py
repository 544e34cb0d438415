# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back under failure: order of the syncs, every change failing, a kill at every change, somebody in the way."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.disk.errors import InUse, Refused, StoreError
from ansible_collections.raftops.nomad.plugins.module_utils.disk.syscalls import SystemCalls
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.base.store import Stable
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.conversion.outcome import Outcome
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.migrate import migrate
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
from support.stores.recording import (
    FailNth,
    Hook,
    KillAt,
    Killed,
    Recorder,
)

NEWER = Stable(4, 4, b"10.0.0.2:4647")
EVEN_NEWER = Stable(9, 9, b"10.0.0.3:4647")
SWITCH = ("rename", "raft.db.partial > raft.db")
RETIRE = ("rename", f"wal > wal.migrated.{STAMP}")
ON_WAL = [*log(5), *log(7, 6, 4)]


def plain(raft: Path) -> None:
    """Row 11: the server has voted and appended on the WAL."""
    write_wal(raft / "wal", ON_WAL, NEWER)
    write_boltdb(raft / BACKUP, log(5))
    write_guard(raft)
    write_journal(raft, "done")


def untouched(raft: Path) -> None:
    """Row 11: nothing has happened on the WAL, so that the backup is put back."""
    write_wal(raft / "wal", ON_WAL, NEWER)
    write_boltdb(raft / BACKUP, ON_WAL, NEWER)
    write_guard(raft)
    write_journal(raft, "done")


def interrupted(raft: Path) -> None:
    """Rows 16 and 9: an interrupted run to WAL, behind its switch, that left a partial file."""
    plain(raft)
    write_journal(raft, "open")
    (raft / "raft.db.guard.partial").symlink_to("this-server-is-on-wal/see-docs")


def old_raft_db(raft: Path) -> None:
    """Row 7: raft.db was put back by hand, which would have forgotten a vote."""
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", ON_WAL, NEWER)


def emptied(raft: Path) -> None:
    """Row 7: a log that ended below the snapshot was written empty, Nomad went on behind it, raft.db was put back."""
    write_boltdb(raft / "raft.db", log(5))
    write_snapshot(raft, 18)
    migrate(request(raft), SystemCalls(), clock, lonely_proc(raft.parents[2]))
    assert entries_of(raft / "wal") == [str(VOTED)]
    shutil.rmtree(raft / "wal")
    write_wal(raft / "wal", log(25, 19, 4), NEWER)
    os.replace(raft / BACKUP, raft / "raft.db")


def compacted(raft: Path) -> None:
    """Row 7: raft.db was put back when the WAL had long left its entries behind."""
    write_boltdb(raft / "raft.db", log(5))
    migrate(request(raft), SystemCalls(), clock, lonely_proc(raft.parents[2]))
    shutil.rmtree(raft / "wal")
    write_snapshot(raft, 895)
    write_wal(raft / "wal", log(900, 891, 4), NEWER)
    os.replace(raft / BACKUP, raft / "raft.db")


def unguarded(raft: Path) -> None:
    """Row 12: what the Nomad command leaves, and its marker."""
    write_wal(raft / "wal", ON_WAL, NEWER)
    (raft / ".migration-in-progress").write_text("2026-11-22T10:00:00Z")


STARTS = [plain, untouched, interrupted, old_raft_db, emptied, compacted, unguarded]
Start = Callable[[Path], None]


def go(raft: Path, calls: SystemCalls, **options: Any) -> Outcome:
    return migrate(request(raft, backend="boltdb", **options), calls, clock, lonely_proc(raft.parents[2]))


def made_from(start: Start, where: Path, copies: bool = True) -> Tuple[Path, Dict[str, Any], List[str]]:
    """A directory in this state, options with a backup_dir, and the entries that must come out."""
    raft = raft_directory(where)
    start(raft)
    (where / "copies").mkdir()
    return raft, ({"backup_dir": str(where / "copies")} if copies else {}), entries_of(raft / "wal")


def changes(start: Start, where: Path) -> int:
    raft, options, _expected = made_from(start, where)
    recorder = Recorder()
    go(raft, recorder, **options)
    return len(recorder.made)


def seen(raft: Path) -> Dict[str, Tuple[object, ...]]:
    """The directory, but for the time of the journal, which is written anew with its old content."""
    found = listing(raft)
    found[".raft-migrate.json"] = found[".raft-migrate.json"][5:]
    return found


def sane(raft: Path, start: Start) -> None:
    """Never an empty start, whatever the configuration says. A WAL without guard is the one state that allows it."""
    starts = {backend: nomad_start(raft, backend) for backend in ("wal", "boltdb")}
    if start is unguarded and not os.path.lexists(raft / "raft.db"):
        assert starts["wal"] == "wal"
        return
    assert "EMPTY" not in starts.values(), (starts, sorted(os.listdir(raft)))


def completed(raft: Path, expected: List[str], options: Dict[str, Any]) -> None:
    """A re-run finishes: exactly these entries, no wal/, nothing half made; and the one after it has nothing to do."""
    go(raft, SystemCalls(), **options)
    assert entries_of(raft / "raft.db") == expected
    assert (nomad_start(raft, "boltdb"), nomad_start(raft, "wal")) == ("raft.db", "refuses")
    assert (raft / "raft.db").stat().st_nlink == 1 and not (raft / "wal").exists()
    assert not [name for name in os.listdir(raft) if name.endswith(".partial")]
    assert not go(raft, SystemCalls(), **options).changed
    assert not [name for name in os.listdir(raft.parents[1] / "copies") if name.endswith(".partial")]


def test_each_sync_stands_between_the_names_it_orders(tmp_path: Path) -> None:
    raft, options, _expected = made_from(plain, tmp_path, copies=False)
    recorder = Recorder()
    go(raft, recorder, **options)
    names = [made for made in recorder.made if made[0] not in ("pwritev", "open", "fchown", "fchmod")]
    journal = [
        ("fsync", ".raft-migrate.json.partial"), ("rename", ".raft-migrate.json.partial > .raft-migrate.json"),
        ("fsync", "raft"),
    ]  # fmt: skip
    partial = ("fsync", "raft.db.partial")
    assert names == [
        *journal,
        partial,
        partial,
        partial,
        SWITCH,
        ("fsync", "raft"),
        RETIRE,
        ("fsync", "raft"),
        *journal,
    ]


def test_a_backup_is_put_back_by_two_links_and_loses_its_old_name_last(tmp_path: Path) -> None:
    raft, options, _expected = made_from(untouched, tmp_path, copies=False)
    recorder = Recorder()
    go(raft, recorder, **options)
    names = [made for made in recorder.made if made[0] in ("link", "rename", "unlink")]
    assert names[1:-1] == [("link", f"{BACKUP} > raft.db.partial"), SWITCH, RETIRE, ("unlink", BACKUP)]
    for name in names[1:-1]:
        assert recorder.made[recorder.made.index(name) + 1] == ("fsync", "raft")


def test_an_old_raft_db_has_its_second_name_on_disk_before_the_switch(tmp_path: Path) -> None:
    raft, options, _expected = made_from(old_raft_db, tmp_path, copies=False)
    recorder = Recorder()
    go(raft, recorder, **options)
    at = recorder.made.index(("link", f"raft.db > raft.db.superseded.{STAMP}"))
    assert recorder.made[at + 1 : at + 4] == [("fsync", "raft"), SWITCH, ("fsync", "raft")]


def test_nothing_but_the_switch_replaces_a_store_and_no_store_is_removed(tmp_path: Path) -> None:
    for start in STARTS:
        raft, options, _expected = made_from(start, tmp_path / start.__name__)
        recorder = Recorder()
        go(raft, recorder, **options)
        renames = [what.split(" > ") for name, what in recorder.made if name == "rename"]
        assert [new for _old, new in renames if new in ("raft.db", "wal")] == ["raft.db"]
        removed = [
            what for name, what in recorder.made if name in ("unlink", "rmdir") and not what.endswith(".partial")
        ]
        assert removed == ([BACKUP] if start is untouched else [])


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.__name__)
@pytest.mark.parametrize("onwards", [False, True], ids=["once", "from then on"])
def test_every_change_fails_in_turn(start: Start, onwards: bool, tmp_path: Path) -> None:
    total = changes(start, tmp_path / "count")
    assert total > 1
    for number in range(total):
        raft, options, expected = made_from(start, tmp_path / str(number))
        before = seen(raft) if start in (plain, untouched) else {}
        calls = FailNth(number, errno.ENOSPC if number % 2 else errno.EIO, onwards)
        try:
            outcome = go(raft, calls, **options)
            assert outcome.warnings, "a failure that is not told"
            assert SWITCH in calls.made
        except StoreError as error:
            assert error.path and str(error)
            if start in (plain, untouched) and SWITCH not in calls.made[:-1] and not onwards:
                assert seen(raft) == before
        sane(raft, start)
        completed(raft, expected, options)


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.__name__)
def test_killed_at_every_change(start: Start, tmp_path: Path) -> None:
    for number in range(changes(start, tmp_path / "count")):
        raft, options, expected = made_from(start, tmp_path / str(number))
        with pytest.raises(Killed):
            go(raft, KillAt(number), **options)
        sane(raft, start)
        completed(raft, expected, options)


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.__name__)
def test_killed_at_every_change_and_the_operator_wants_the_wal_after_all(start: Start, tmp_path: Path) -> None:
    for number in range(changes(start, tmp_path / "count")):
        raft, options, expected = made_from(start, tmp_path / str(number))
        with pytest.raises(Killed):
            go(raft, KillAt(number), **options)
        migrate(request(raft), SystemCalls(), clock, lonely_proc(raft.parents[2]))
        assert entries_of(raft / "wal") == expected
        assert (nomad_start(raft, "wal"), nomad_start(raft, "boltdb")) == ("wal", "refuses")


def go_on(raft: Path) -> List[str]:
    """Nomad starts on what it opens, with whatever configuration lets it; the entries that it has then."""
    entries = [*ON_WAL, *log(9, 8, 9)]
    if nomad_start(raft, "boltdb") == "raft.db":
        made = raft.parent / "made.db"
        write_boltdb(made, entries, EVEN_NEWER)
        (raft / "raft.db").write_bytes(made.read_bytes())  # the same inode
        made.unlink()
        return entries_of(raft / "raft.db")
    shutil.rmtree(raft / "wal")
    write_wal(raft / "wal", entries, EVEN_NEWER)
    return entries_of(raft / "wal")


@pytest.mark.parametrize("start", [plain, untouched], ids=lambda start: start.__name__)
def test_killed_at_every_change_and_nomad_goes_on_before_the_re_run(start: Start, tmp_path: Path) -> None:
    for number in range(changes(start, tmp_path / "count")):
        raft, options, _expected = made_from(start, tmp_path / str(number))
        with pytest.raises(Killed):
            go(raft, KillAt(number), **options)
        completed(raft, go_on(raft), options)


HOLDER = """
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
print("open", flush=True)
sys.stdin.read()
"""


class Holder:
    """A Nomad server that starts during the run: it opens a store, and waits for its lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.process: Any = None

    def start(self) -> None:
        command = [sys.executable, "-c", HOLDER, str(self.path)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "open\n"

    def stop(self) -> None:
        self.process.communicate("")


@pytest.mark.parametrize(
    ("start", "file", "before"),
    [
        (plain, "wal/wal-meta.db", "fsync .raft-migrate.json.partial"),
        (untouched, BACKUP, "link"),
        (old_raft_db, "raft.db", "link"),
        (old_raft_db, "raft.db", "rename raft.db.partial"),
        (old_raft_db, "wal/wal-meta.db", "link"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_server_that_waits_for_a_lock_stops_the_switch(start: Start, file: str, before: str, tmp_path: Path) -> None:
    raft, options, expected = made_from(start, tmp_path, copies=False)
    holder = Holder(raft / file)
    inode = (raft / file).stat().st_ino
    hook = Hook(lambda name, what: f"{name} {what}".startswith(before), holder.start)
    with pytest.raises(InUse) as caught:
        migrate(request(raft, backend="boltdb", **options), hook, clock)
    assert hook.done and f"PID {holder.process.pid}" in caught.value.what
    assert (raft / file).stat().st_ino == inode, "what it waits for must still have its name"
    assert entries_of(raft / "wal") == expected
    sane(raft, start)
    holder.stop()
    completed(raft, expected, options)


@pytest.mark.parametrize("how", ["sync fails", "killed"])
def test_a_fork_behind_a_switch_that_did_not_end_is_seen(how: str, tmp_path: Path) -> None:
    """A server that waited for the old raft.db votes and appends in it, under its new name."""
    recorder = Recorder()
    raft, options, _expected = made_from(old_raft_db, tmp_path / "count", copies=False)
    go(raft, recorder, **options)
    number = recorder.made.index(SWITCH) + 1
    raft, options, _expected = made_from(old_raft_db, tmp_path / "again", copies=False)
    with pytest.raises((StoreError, Killed)):
        go(raft, FailNth(number) if how == "sync fails" else KillAt(number), **options)
    old = raft / f"raft.db.superseded.{STAMP}"
    old.unlink()
    write_boltdb(old, [*log(5), *log(9, 6, 9)], EVEN_NEWER)
    before = listing(raft)
    for backend in ("wal", "boltdb"):
        with pytest.raises(Refused, match=old.name):
            migrate(request(raft, backend=backend), SystemCalls(), clock, lonely_proc(raft.parents[2]))
    assert listing(raft) == before


def test_a_raft_db_that_was_put_there_during_the_run_is_not_replaced(tmp_path: Path) -> None:
    raft, options, expected = made_from(plain, tmp_path, copies=False)

    def put() -> None:
        (raft / "raft.db").unlink()
        write_boltdb(raft / "raft.db", log(9), EVEN_NEWER)

    hook = Hook(lambda name, what: (name, what) == ("fsync", "raft.db.partial"), put)
    with pytest.raises(Refused, match="has been replaced"):
        go(raft, hook, **options)
    assert entries_of(raft / "wal") == expected
    assert len(entries_of(raft / "raft.db")) == 10


def test_raft_db_holds_the_wal_that_was_left_beside_it_when_it_has_left_its_entries_behind(tmp_path: Path) -> None:
    """wal/ could not be renamed after the switch, and nobody came back to it for long."""
    recorder = Recorder()
    go(made_from(compacted, tmp_path / "count", copies=False)[0], recorder)
    raft, _options, _expected = made_from(compacted, tmp_path / "again", copies=False)
    assert go(raft, FailNth(recorder.made.index(RETIRE))).warnings
    (raft / "raft.db").unlink()
    write_boltdb(raft / "raft.db", log(2000, 1990, 5), EVEN_NEWER)
    completed(raft, entries_of(raft / "raft.db"), {})


def test_wal_that_cannot_be_renamed_after_the_switch_is_a_warning(tmp_path: Path) -> None:
    raft, options, expected = made_from(plain, tmp_path, copies=False)
    recorder = Recorder()
    go(raft, recorder, **options)
    raft, options, expected = made_from(plain, tmp_path / "again", copies=False)
    outcome = go(raft, FailNth(recorder.made.index(RETIRE)), **options)
    assert any("wal/ could not be renamed" in warning for warning in outcome.warnings)
    assert outcome.backup == str(raft / "wal")
    assert nomad_start(raft, "boltdb") == "raft.db"
    completed(raft, expected, options)


def test_a_wal_that_cannot_be_renamed_while_a_server_waits_for_it_is_a_failure(tmp_path: Path) -> None:
    """It would go on there as soon as this run has ended, though raft.db counts."""
    recorder = Recorder()
    go(made_from(plain, tmp_path / "count", copies=False)[0], recorder)
    raft, options, expected = made_from(plain, tmp_path / "again", copies=False)
    holder = Holder(raft / "wal/wal-meta.db")

    class Waited(FailNth):
        def rename(self, old: str, new: str, dir_fd: int) -> None:
            if old == "wal":
                holder.start()
            super().rename(old, new, dir_fd)

    with pytest.raises(InUse) as caught:
        migrate(request(raft, backend="boltdb", **options), Waited(recorder.made.index(RETIRE)), clock)
    assert f"PID {holder.process.pid}" in caught.value.what
    holder.stop()
    completed(raft, expected, options)


def test_a_copy_of_the_wal_in_backup_dir(tmp_path: Path) -> None:
    raft, options, _expected = made_from(plain, tmp_path)
    before = {path.name: path.read_bytes() for path in (raft / "wal").iterdir()}
    copy = tmp_path / f"copies/wal.migrated.{STAMP}"
    copy.mkdir()
    go(raft, SystemCalls(), **options)
    copied = {path.name: path.read_bytes() for path in Path(f"{copy}-2").iterdir()}
    assert copied == before and list(copy.iterdir()) == []
    assert Path(f"{copy}-2").stat().st_mode & 0o777 == 0o700


def test_owner_and_mode_come_from_the_wal(tmp_path: Path) -> None:
    for start in (plain, old_raft_db):
        raft, options, _expected = made_from(start, tmp_path / start.__name__, copies=False)
        os.chown(raft / "wal/wal-meta.db", 12345, 54321)
        os.chmod(raft / "wal/wal-meta.db", 0o640)
        go(raft, SystemCalls(), **options)
        status = (raft / "raft.db").stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (12345, 54321, 0o640)
