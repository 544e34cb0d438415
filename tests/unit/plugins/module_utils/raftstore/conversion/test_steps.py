# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps under failure: order of the syncs, every change failing, a kill at every change, somebody in the way."""

from __future__ import annotations

import errno
import fcntl
import os
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
    clock,
    entries_of,
    listing,
    log,
    lonely_proc,
    nomad_start,
    raft_directory,
    request,
    write_boltdb,
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
PUBLISH = ("rename", "wal.partial > wal")
SWITCH = ("rename", "raft.db.guard.partial > raft.db")


def plain(raft: Path) -> None:
    """Row 3, with a hole that a snapshot covers."""
    write_boltdb(raft / "raft.db", [*log(2), *log(6, 4)])
    write_snapshot(raft, 3)


def stale_wal(raft: Path) -> None:
    """Row 6: an interrupted run, after which Nomad went on in raft.db; and a killed Nomad command's marker."""
    write_boltdb(raft / "raft.db", [*log(5), *log(7, 6, 4)], NEWER)
    write_wal(raft / "wal", log(5))
    (raft / ".migration-in-progress").write_text("2026-11-22T10:00:00Z")


def equal(raft: Path) -> None:
    """Row 5."""
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", log(5))


def old_raft_db(raft: Path) -> None:
    """Row 7: raft.db was put back by hand."""
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", [*log(5), *log(7, 6, 4)], NEWER)


def unguarded(raft: Path) -> None:
    """Row 12."""
    write_wal(raft / "wal", log(5))


STARTS = [plain, stale_wal, equal, old_raft_db, unguarded]


def go(raft: Path, calls: SystemCalls, **options: Any) -> Outcome:
    return migrate(request(raft, **options), calls, clock, lonely_proc(raft.parents[2]))


def made_from(
    start: Callable[[Path], None], where: Path, copies: bool = True
) -> Tuple[Path, Dict[str, Any], List[str]]:
    """A directory in this state, options with a backup_dir, and the entries that must come out."""
    raft = raft_directory(where)
    start(raft)
    (where / "copies").mkdir()
    lines = entries_of(raft / ("wal" if start in (old_raft_db, unguarded) else "raft.db"))
    expected = lines[2:] if start is plain else lines
    return raft, ({"backup_dir": str(where / "copies")} if copies else {}), expected


def changes(start: Callable[[Path], None], where: Path) -> int:
    raft, options, _expected = made_from(start, where)
    recorder = Recorder()
    go(raft, recorder, **options)
    return len(recorder.made)


def sane(raft: Path, start: Callable[[Path], None]) -> None:
    """Never an empty start, whatever the configuration says. A WAL without guard is the one state that allows it."""
    starts = {backend: nomad_start(raft, backend) for backend in ("wal", "boltdb")}
    if start is unguarded and os.listdir(raft) == ["wal"]:
        assert starts["wal"] == "wal"
        return
    assert "EMPTY" not in starts.values(), (starts, sorted(os.listdir(raft)))


def completed(raft: Path, expected: List[str], options: Dict[str, Any]) -> None:
    """A re-run finishes: exactly these entries, a guard, nothing half made; and the one after it has nothing to do."""
    go(raft, SystemCalls(), **options)
    assert entries_of(raft / "wal") == expected
    assert (nomad_start(raft, "wal"), nomad_start(raft, "boltdb")) == ("wal", "refuses")
    assert not [name for name in os.listdir(raft) if name.endswith(".partial")]
    assert not go(raft, SystemCalls(), **options).changed
    assert not [name for name in os.listdir(raft.parents[1] / "copies") if name.endswith(".partial")]


def test_each_sync_stands_between_the_names_it_orders(tmp_path: Path) -> None:
    raft, options, _expected = made_from(plain, tmp_path, copies=False)
    recorder = Recorder()
    go(raft, recorder, **options)
    segment = next(name for name in os.listdir(raft / "wal") if name.endswith(".wal"))
    names = [made for made in recorder.made if made[0] not in ("pwritev", "open", "ftruncate")]
    built = [made for made in names if made[0] == "fsync" and made[1] in (segment, "wal-meta.db", "wal.partial")]
    assert built[0] == ("fsync", segment) and built[-1] == ("fsync", "wal.partial")
    assert built.index(("fsync", "wal-meta.db")) > built.index(("fsync", segment))
    wal = names.index(PUBLISH)
    assert max(index for index, made in enumerate(names) if made in built) < wal
    assert names[:4] == [
        ("fsync", ".raft-migrate.json.partial"), ("rename", ".raft-migrate.json.partial > .raft-migrate.json"),
        ("fsync", "raft"), ("mkdir", "wal.partial"),
    ]  # fmt: skip
    assert names[wal:] == [
        PUBLISH, ("fsync", "raft"),
        ("link", f"raft.db > {BACKUP}"), ("fsync", "raft"),
        ("symlink", "raft.db.guard.partial"), SWITCH, ("fsync", "raft"),
        ("fsync", ".raft-migrate.json.partial"), ("rename", ".raft-migrate.json.partial > .raft-migrate.json"),
        ("fsync", "raft"),
    ]  # fmt: skip


def test_nothing_but_the_switch_replaces_a_store_and_no_store_is_removed(tmp_path: Path) -> None:
    for start in STARTS:
        raft, options, _expected = made_from(start, tmp_path / start.__name__)
        recorder = Recorder()
        go(raft, recorder, **options)
        renames = [what.split(" > ") for name, what in recorder.made if name == "rename"]
        replaced = [new for _old, new in renames if new in ("raft.db", "wal")]
        assert replaced.count("raft.db") <= 1
        assert not [
            what for name, what in recorder.made if name in ("unlink", "rmdir") and not what.endswith(".partial")
        ]


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.__name__)
@pytest.mark.parametrize("onwards", [False, True], ids=["once", "from then on"])
def test_every_change_fails_in_turn(start: Callable[[Path], None], onwards: bool, tmp_path: Path) -> None:
    total = changes(start, tmp_path / "count")
    assert total > 1
    for number in range(total):
        raft, options, expected = made_from(start, tmp_path / str(number))
        before = listing(raft)
        calls = FailNth(number, errno.ENOSPC if number % 2 else errno.EIO, onwards)
        try:
            outcome = go(raft, calls, **options)
            assert outcome.warnings, "a failure that is not told"
            assert SWITCH in calls.made or start is unguarded
        except StoreError as error:
            assert error.path and str(error)
            if start is plain and PUBLISH not in calls.made[:-1] and not onwards:
                assert listing(raft) == before
        sane(raft, start)
        completed(raft, expected, options)


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.__name__)
def test_killed_at_every_change(start: Callable[[Path], None], tmp_path: Path) -> None:
    for number in range(changes(start, tmp_path / "count")):
        raft, options, expected = made_from(start, tmp_path / str(number))
        with pytest.raises(Killed):
            go(raft, KillAt(number), **options)
        sane(raft, start)
        completed(raft, expected, options)


def go_on(raft: Path) -> List[str]:
    """Nomad starts on what it opens with its configuration, votes and appends; the entries it has then."""
    if nomad_start(raft, "boltdb") == "raft.db":
        lines = _grow(raft / "raft.db")
        (raft / "raft.db").write_bytes(_made(raft, lines).read_bytes())  # the same inode
        (raft.parent / "made.db").unlink()
        return entries_of(raft / "raft.db")
    for path in (raft / "wal").iterdir():
        path.unlink()
    (raft / "wal").rmdir()
    write_wal(raft / "wal", [*log(6, 4), *log(8, 7, 9)], EVEN_NEWER)
    return entries_of(raft / "wal")


def _grow(_path: Path) -> List[Any]:
    return [*log(2), *log(6, 4), *log(8, 7, 9)]


def _made(raft: Path, entries: List[Any]) -> Path:
    path = raft.parent / "made.db"
    write_boltdb(path, entries, EVEN_NEWER)
    return path


def test_killed_at_every_change_and_nomad_goes_on_before_the_re_run(tmp_path: Path) -> None:
    for number in range(changes(plain, tmp_path / "count")):
        raft, options, _expected = made_from(plain, tmp_path / str(number))
        with pytest.raises(Killed):
            go(raft, KillAt(number), **options)
        was_raft_db = nomad_start(raft, "boltdb") == "raft.db"
        lines = go_on(raft)
        completed(raft, lines[2:] if was_raft_db else lines, options)


WAITER = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
print("open", flush=True)
fcntl.flock(fd, fcntl.LOCK_EX)
os.pwrite(fd, b"!", os.fstat(fd).st_size)
print("written", flush=True)
"""


class Waiter:
    """A Nomad server that starts during the run: it opens raft.db, and waits for the lock."""

    def __init__(self, raft: Path) -> None:
        self.raft = raft
        self.process: Any = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WAITER, str(self.raft / "raft.db")], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "open\n"

    def finish(self) -> None:
        assert self.process.stdout.readline() == "written\n"
        self.process.wait()
        self.process.stdout.close()


@pytest.mark.parametrize("start", [plain, equal, old_raft_db], ids=lambda start: start.__name__)
@pytest.mark.parametrize("moment", ["before publication", "before the link", "before the switch"])
def test_a_server_that_waits_for_the_lock_keeps_its_store(
    moment: str, start: Callable[[Path], None], tmp_path: Path
) -> None:
    """Seen with Nomad 2.0.5: it would go on in the renamed backup, with votes and writes that wal/ has not."""
    raft, options, expected = made_from(start, tmp_path, copies=False)
    waiter = Waiter(raft)
    at = {"before publication": "", "before the link": "raft.db >", "before the switch": "raft.db.guard.partial >"}[
        moment
    ]
    hook = Hook(lambda name, what: name in ("link", "rename") and what.startswith(at), waiter.start)
    inode = (raft / "raft.db").stat().st_ino
    with pytest.raises(InUse) as caught:
        migrate(request(raft, **options), hook, clock)
    assert hook.done and f"PID {waiter.process.pid}" in caught.value.what
    assert (SWITCH in hook.made) == (moment != "before publication"), "it was there to be seen before"
    waiter.finish()
    assert (raft / "raft.db").stat().st_ino == inode
    assert (raft / "raft.db").read_bytes().endswith(b"!"), "its write must be in raft.db"
    assert nomad_start(raft, "boltdb") == "raft.db" and nomad_start(raft, "wal") == "refuses"
    completed(raft, expected, options)


SWITCHING = pytest.mark.parametrize("start", [plain, equal, old_raft_db], ids=lambda start: start.__name__)


def goes_on_in_its_second_name(raft: Path, start: Callable[[Path], None]) -> None:
    """A server that waited votes and appends in the renamed file: a re-run must see that, and leave it to a person."""
    kind = "superseded" if start is old_raft_db else "migrated"
    (old,) = raft.glob(f"raft.db.{kind}.*")
    old.write_bytes(_made(raft, [*log(5), *log(9, 6, 9)]).read_bytes())
    (raft.parent / "made.db").unlink()
    before = listing(raft)
    for backend in ("wal", "boltdb"):
        with pytest.raises(Refused, match=old.name):
            go(raft, SystemCalls(), backend=backend)
    assert listing(raft) == before


@SWITCHING
@pytest.mark.parametrize("how", ["sync fails", "killed"])
def test_a_fork_behind_a_switch_that_did_not_end_is_seen(
    how: str, start: Callable[[Path], None], tmp_path: Path
) -> None:
    recorder = Recorder()
    raft, options, _expected = made_from(start, tmp_path / "count", copies=False)
    go(raft, recorder, **options)
    number = recorder.made.index(SWITCH) + 1
    raft, options, _expected = made_from(start, tmp_path / "again", copies=False)
    with pytest.raises((StoreError, Killed)):
        go(raft, FailNth(number) if how == "sync fails" else KillAt(number), **options)
    goes_on_in_its_second_name(raft, start)


@SWITCHING
def test_a_fork_is_seen_when_the_old_file_could_not_get_its_name_back(
    start: Callable[[Path], None], tmp_path: Path
) -> None:
    raft, options, _expected = made_from(start, tmp_path, copies=False)
    waiter = Waiter(raft)

    class CannotPutBack(Hook):
        """The rename over the guard fails."""

        def _before(self, name: str, what: str) -> None:
            super()._before(name, what)
            if name == "rename" and what.endswith(" > raft.db") and what != SWITCH[1]:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    calls = CannotPutBack(lambda name, what: (name, what) == SWITCH, waiter.start)
    with pytest.raises(StoreError, match=r"rename to raft\.db"):
        migrate(request(raft, **options), calls, clock)
    waiter.finish()
    goes_on_in_its_second_name(raft, start)


def test_a_new_store_that_somebody_locks_is_not_published(tmp_path: Path) -> None:
    raft, options, expected = made_from(plain, tmp_path, copies=False)
    before = listing(raft)
    held: List[int] = []

    def lock() -> None:
        held.append(os.open(raft / "wal.partial/wal-meta.db", os.O_RDONLY))
        fcntl.flock(held[0], fcntl.LOCK_SH)

    hook = Hook(lambda name, what: (name, what) == ("fsync", "wal.partial"), lock)
    with pytest.raises(InUse, match="before it was published"):
        go(raft, hook, **options)
    os.close(held[0])
    assert listing(raft) == before
    completed(raft, expected, options)


def test_the_lock_is_held_until_the_end(tmp_path: Path) -> None:
    raft, options, _expected = made_from(plain, tmp_path, copies=False)
    free: List[str] = []

    class Prober(Recorder):
        """Before each change, whether somebody else could take one of the locks that must be held by then."""

        def _before(self, name: str, what: str) -> None:
            super()._before(name, what)
            published = PUBLISH in self.made[:-1]
            for path in [raft, raft / "raft.db", *([raft / "wal/wal-meta.db"] if published else [])]:
                if not path.exists():
                    continue
                fd = os.open(path, os.O_RDONLY)
                try:
                    fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    free.append(f"{path.name} at {name} {what}")
                except BlockingIOError:
                    pass
                finally:
                    os.close(fd)

    go(raft, Prober(), **options)
    assert free == []


def test_a_failing_sync_after_the_switch_is_told_and_kept(tmp_path: Path) -> None:
    raft, options, expected = made_from(plain, tmp_path, copies=False)
    recorder = Recorder()
    go(raft, recorder, **options)
    number = recorder.made.index(SWITCH) + 1
    raft, options, expected = made_from(plain, tmp_path / "again", copies=False)
    with pytest.raises(StoreError, match="flush"):
        go(raft, FailNth(number), **options)
    assert nomad_start(raft, "wal") == "wal" and entries_of(raft / "wal") == expected
    completed(raft, expected, options)


def test_a_journal_that_cannot_be_closed_is_a_warning(tmp_path: Path) -> None:
    raft, options, expected = made_from(plain, tmp_path, copies=False)
    recorder = Recorder()
    go(raft, recorder, **options)
    raft, options, expected = made_from(plain, tmp_path / "again", copies=False)
    outcome = go(raft, FailNth(recorder.made.index(SWITCH) + 3, onwards=True), **options)
    assert any("journal" in warning for warning in outcome.warnings)
    again = migrate(request(raft), clock=clock)
    assert (
        again.plan == ["remove .raft-migrate.json.partial of an interrupted run", "close the journal"] or again.resumed
    )
    completed(raft, expected, options)


@pytest.mark.parametrize("start", [plain, equal], ids=lambda start: start.__name__)
def test_a_directory_that_cannot_be_read_at_the_end_is_a_warning(start: Callable[[Path], None], tmp_path: Path) -> None:
    raft, options, _expected = made_from(start, tmp_path / "count", copies=False)
    recorder = Recorder()
    told = go(raft, recorder, **options)

    class Gone(Recorder):
        """With the last change the descriptor of the directory becomes that of a file."""

        def fsync(self, fd: int) -> None:
            super().fsync(fd)
            if len(self.made) == len(recorder.made):
                with open(os.devnull, "rb") as other:
                    os.dup2(other.fileno(), fd)

    raft, options, expected = made_from(start, tmp_path / "again", copies=False)
    outcome = go(raft, Gone(), **options)
    assert any("all steps are done" in warning for warning in outcome.warnings)
    assert (outcome.changed, outcome.entries, outcome.after) == (True, told.entries, told.after)
    completed(raft, expected, options)
