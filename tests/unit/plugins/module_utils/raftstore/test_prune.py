# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old stores are removed by two name patterns, in two states; everything else stays, byte for byte."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, List

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import InUse, Refused, StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore import prune as pruning
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.prune import prune
from support.stores.builder import (
    BACKUP,
    entries_of,
    listing,
    log,
    raft_directory,
    write_boltdb,
    write_guard,
    write_journal,
    write_snapshot,
    write_wal,
)
from support.stores.recording import (
    FailNth,
    KillAt,
    Killed,
    Recorder,
)

OLD_WAL = "wal.migrated.20261123-000000"
NEWER = "raft.db.migrated.20261124-010203"
NEWEST = "raft.db.migrated.20261124-010203-2"
OTHERS = ("raft.db.superseded.20261122-104750", "raft.db.migrated", "raft.db.migrated.x", "old.raft.db.migrated.1")


def directory(where: Path, backend: str = "wal") -> Path:
    """A server that went there and back and there again, with old stores of both kinds and names that are alike."""
    raft = raft_directory(where)
    if backend == "wal":
        write_wal(raft / "wal", log(5))
        write_guard(raft, NEWEST)
    else:
        write_boltdb(raft / "raft.db", log(5))
    write_journal(raft, "done")
    for name in (BACKUP, NEWER, NEWEST):
        write_boltdb(raft / name, log(3))
    write_wal(raft / OLD_WAL, log(4))
    write_snapshot(raft, 2)
    for name in OTHERS:
        (raft / name).write_text("somebody's")
    return raft


@pytest.mark.parametrize("backend", ["wal", "boltdb"])
@pytest.mark.parametrize(
    ("keep", "kept"),
    [(0, []), (1, [NEWEST]), (2, [NEWER, NEWEST]), (3, [OLD_WAL, NEWER, NEWEST]), (4, None), (9, None)],
)
def test_all_but_the_newest(backend: str, keep: int, kept: List[str], tmp_path: Path) -> None:
    raft = directory(tmp_path, backend)
    everything = [BACKUP, OLD_WAL, NEWER, NEWEST]
    kept = everything if kept is None else kept
    before = listing(raft)
    told = prune(str(tmp_path), keep, check=True)
    assert listing(raft) == before
    done = prune(str(tmp_path), keep, check=False)
    assert told == done
    assert done.kept == kept and done.removed == everything[: 4 - len(kept)] and done.state == backend
    gone = {name for name in before if name.split("/")[0] in done.removed}
    assert listing(raft) == {name: before[name] for name in before if name not in gone}
    assert done.after == pruning.listing(pruning.Directory.open(str(raft)))
    assert (done.freed_bytes > 0) == bool(done.removed)
    assert prune(str(tmp_path), keep, check=False).removed == []


def test_the_size_is_that_of_the_files(tmp_path: Path) -> None:
    raft = directory(tmp_path)
    size = sum(path.stat().st_size for path in [raft / BACKUP, *(raft / OLD_WAL).iterdir()])
    assert prune(str(tmp_path), 2, check=True).freed_bytes == size


Change = Callable[[Path], object]
UNSETTLED: Dict[str, Change] = {
    "open journal": lambda raft: write_journal(raft, "open"),
    "partial file": lambda raft: (raft / "wal.partial").mkdir(),
    "both stores": lambda raft: ((raft / "raft.db").unlink(), write_boltdb(raft / "raft.db", log(5))),
    "forked": lambda raft: ((raft / "raft.db").unlink(), write_boltdb(raft / "raft.db", log(9, note="other"))),
    "lost": lambda raft: (raft / "wal").rename(raft.parent / "wal"),
    "damaged": lambda raft: next((raft / "wal").glob("*.wal")).unlink(),
    "foreign": lambda raft: ((raft / "raft.db").unlink(), (raft / "raft.db").symlink_to("elsewhere")),
    "newer tool": lambda raft: (raft / ".raft-migrate.json").write_text("{}"),
    "unknown metadata": lambda raft: (raft / "wal/wal-meta.json").touch(),
}


@pytest.mark.parametrize("what", UNSETTLED)
def test_nothing_is_removed_while_anything_is_unsettled(what: str, tmp_path: Path) -> None:
    raft = directory(tmp_path)
    UNSETTLED[what](raft)
    before = listing(raft)
    for check in (True, False):
        with pytest.raises(StoreError) as caught:
            prune(str(tmp_path), 0, check)
        assert listing(raft) == before
        assert str(raft) in caught.value.path and caught.value.hint


def test_an_old_store_beside_no_store_may_be_all_there_is(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / BACKUP, log(3))
    with pytest.raises(Refused):
        prune(str(tmp_path), 0, check=False)
    assert (raft / BACKUP).exists()
    (raft / BACKUP).unlink()
    with pytest.raises(Refused, match="no store here"):
        prune(str(tmp_path), 0, check=False)


STRANGE: Dict[str, Change] = {
    "link": lambda raft: ((raft / BACKUP).unlink(), (raft / BACKUP).symlink_to("version")),
    "directory for a file": lambda raft: ((raft / BACKUP).unlink(), (raft / BACKUP).mkdir()),
    "file for a directory": lambda raft: (raft / "wal.migrated.20261101-000000").touch(),
    "link for a directory": lambda raft: (raft / "wal.migrated.20261101-000000").symlink_to("wal"),
    "directory inside": lambda raft: (raft / OLD_WAL / "inner.wal").mkdir(),
    "link inside": lambda raft: (raft / OLD_WAL / "inner.wal").symlink_to("../wal/wal-meta.db"),
    "file inside": lambda raft: (raft / OLD_WAL / "notes").touch(),
}


@pytest.mark.parametrize("what", STRANGE)
def test_something_else_under_the_name_stops_everything(what: str, tmp_path: Path) -> None:
    raft = directory(tmp_path)
    STRANGE[what](raft)
    before = listing(raft)
    with pytest.raises(Refused, match="no conversion leaves such a thing"):
        prune(str(tmp_path), 0, check=False)
    assert listing(raft) == before


HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "rb")
if sys.argv[2] == "lock":
    fcntl.flock(file, fcntl.LOCK_EX)
print("ready", flush=True)
sys.stdin.read()
"""


def holder(path: Path, how: str = "open") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(path), how]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("backend", ["wal", "boltdb"])
def test_nomad_may_run(backend: str, tmp_path: Path) -> None:
    raft = directory(tmp_path, backend)
    process = holder(raft / ("wal/wal-meta.db" if backend == "wal" else "raft.db"), "lock")
    try:
        assert len(prune(str(tmp_path), 0, check=False).removed) == 4
    finally:
        process.communicate("")
    assert len(entries_of(raft / ("wal" if backend == "wal" else "raft.db"))) == 6


@pytest.mark.parametrize("file", [NEWER, f"{OLD_WAL}/wal-meta.db"])
def test_a_process_that_has_an_old_store_open_is_named(file: str, tmp_path: Path) -> None:
    """A Nomad server that waited for a lock may be at work in it."""
    raft = directory(tmp_path)
    process = holder(raft / file)
    before = listing(raft)
    try:
        with pytest.raises(InUse, match=f"PID {process.pid} "):
            prune(str(tmp_path), 0, check=False)
        assert listing(raft) == before
    finally:
        process.communicate("")


def test_another_run_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raft = directory(tmp_path)
    monkeypatch.setattr(pruning, "LOCK_TIMEOUT_S", 0.0)
    fd = os.open(raft, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    with pytest.raises(InUse, match="another run"):
        prune(str(tmp_path), 0, check=False)
    os.close(fd)
    assert prune(str(tmp_path), 0, check=False).removed


def test_each_removal_fails_or_is_killed_and_a_re_run_ends_it(tmp_path: Path) -> None:
    recorder = Recorder()
    directory(tmp_path / "count")
    prune(str(tmp_path / "count"), 1, check=False, calls=recorder)
    assert {name for name, _what in recorder.made} == {"unlink", "rmdir", "fsync"}
    for number in range(len(recorder.made)):
        for kind in ("fail", "kill"):
            where = tmp_path / f"{kind}-{number}"
            raft = directory(where)
            lines = entries_of(raft / "wal")
            with pytest.raises(StoreError if kind == "fail" else Killed):
                calls = FailNth(number, errno.EIO) if kind == "fail" else KillAt(number)
                prune(str(where), 1, check=False, calls=calls)
            assert prune(str(where), 1, check=False).kept == [NEWEST]
            assert entries_of(raft / "wal") == lines
            assert sorted(name for name in os.listdir(raft) if "migrated.2" in name) == [NEWEST]


def test_a_negative_number_is_refused(tmp_path: Path) -> None:
    directory(tmp_path)
    with pytest.raises(Refused, match="-1"):
        prune(str(tmp_path), -1, check=False)
