# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken of a store, and that a WAL whose files belong to different moments is not taken.

Clones on real file systems, under load, are in tests/reliability/test_rehearse_live.py.
"""

from __future__ import annotations

import errno
import os
from contextlib import closing
from pathlib import Path
from typing import Callable, List

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory, NewFile
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import InUse, NoSpace, StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import SystemCalls
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal import clone
from support.stores.builder import entries_of, log, raft_directory, write_boltdb, write_snapshot, write_wal


class Fails(SystemCalls):
    """A file system that answers a clone with this error."""

    def __init__(self, error: int) -> None:
        self.error = error

    def clone(self, fd: int, source_fd: int) -> None:
        raise OSError(self.error, os.strerror(self.error))


def take(raft: Path, into: Path, backend: str, fill: clone.Fill = clone.copied) -> None:
    into.mkdir()
    with closing(Directory.open(str(raft))) as old, closing(Directory.open(str(into))) as new:
        clone.take(old, new, backend, fill)


@pytest.mark.parametrize("backend", ["boltdb", "wal"])
def test_the_store_and_its_snapshots_are_taken_and_nothing_else(backend: str, tmp_path: Path) -> None:
    raft, into = raft_directory(tmp_path), tmp_path / "into"
    write_wal(raft / "wal", log(9, first=5))
    write_boltdb(raft / "raft.db", log(9, first=5))
    for index in (4, 6, 8):
        write_snapshot(raft, index)
    (raft / "wal/wal-meta.db.tmp").touch()
    (raft / "peers.info").touch()
    take(raft, into, backend)
    store = "raft.db" if backend == "boltdb" else "wal"
    assert entries_of(into / store) == entries_of(raft / store)
    assert {path.name for path in into.iterdir()} == {store, "snapshots"}
    assert not (into / "wal/wal-meta.db.tmp").exists()
    newest = sorted(path.name for path in (raft / "snapshots").iterdir())[1:]
    assert sorted(path.name for path in (into / "snapshots").iterdir()) == newest
    for name in newest:
        for file in ("meta.json", "state.bin"):
            assert (into / "snapshots" / name / file).read_bytes() == (raft / "snapshots" / name / file).read_bytes()


def meanwhile(change: Callable[[str, int], None]) -> clone.Fill:
    """A fill during which something happens: `change` gets the name and the number of each file before it is taken."""
    taken: List[str] = []

    def fill(fd: int, path: str, new: NewFile) -> None:
        change(os.path.basename(path), len(taken))
        taken.append(path)
        clone.copied(fd, path, new)

    return fill


def replace_wal(raft: Path, last: int) -> None:
    """What raft-wal has done once its log is cut and other entries have come: other metadata, another segment."""
    for path in (raft / "wal").glob("*.wal"):
        path.unlink()
    meta = raft / "wal/wal-meta.db"
    write_wal(raft / "new", log(last, first=last - 2))
    meta.write_bytes((raft / "new/wal-meta.db").read_bytes())  # in place, as bbolt does
    for path in (raft / "new").glob("*.wal"):
        path.rename(raft / "wal" / path.name)
    (raft / "new/wal-meta.db").unlink()
    (raft / "new").rmdir()


@pytest.mark.parametrize("moment", range(3))
def test_a_wal_that_changes_while_it_is_taken_is_taken_again(moment: int, tmp_path: Path) -> None:
    """The metadata, the segment, the metadata again: whatever comes between, all is of one moment."""
    raft, into = raft_directory(tmp_path), tmp_path / "into"
    write_wal(raft / "wal", log(9))

    def change(_name: str, number: int) -> None:
        if number == moment:
            replace_wal(raft, 30)

    take(raft, into, "wal", meanwhile(change))
    assert entries_of(into / "wal") == entries_of(raft / "wal") and len(entries_of(into / "wal")) == 3 + 1
    assert {path.name for path in (into / "wal").iterdir()} == {path.name for path in (raft / "wal").iterdir()}


def test_a_wal_that_never_rests_is_given_up(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_wal(raft / "wal", log(9))

    def change(name: str, number: int) -> None:
        if name.endswith(".wal"):
            replace_wal(raft, 10 + number)

    with pytest.raises(InUse, match=r"has changed during each of 20 attempts.*when the server writes less"):
        take(raft, tmp_path / "into", "wal", meanwhile(change))


@pytest.mark.parametrize("moment", [2, 3], ids=["before it is taken", "while it is taken"])
@pytest.mark.parametrize("gone", [["meta.json", "state.bin", ""], ["meta.json"], ["state.bin"]])
def test_a_snapshot_that_the_server_removes_meanwhile_is_none(gone: List[str], moment: int, tmp_path: Path) -> None:
    """Raft removes one file after the other, in any order, and then the directory."""
    raft, into = raft_directory(tmp_path), tmp_path / "into"
    write_boltdb(raft / "raft.db", log(9))
    old, kept = write_snapshot(raft, 4), write_snapshot(raft, 6)

    def change(_name: str, number: int) -> None:
        """Before the last file of the newer one, or the first of the older one."""
        for name in gone if number == moment else []:
            (old / name).unlink() if name else old.rmdir()

    take(raft, into, "boltdb", meanwhile(change))
    assert (into / "snapshots" / kept.name / "meta.json").exists()
    whole = {"meta.json", "state.bin"} <= {path.name for path in (into / "snapshots").glob(f"{old.name}/*")}
    assert whole == (moment == 3 and gone == ["state.bin"]), "what was open already is taken as it was"
    assert whole or not (into / "snapshots" / old.name / "meta.json").exists(), "Raft would pass it over"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errno.EOPNOTSUPP, clone.CannotClone),
        (errno.EXDEV, clone.CannotClone),
        (errno.ENOTTY, clone.CannotClone),
        (errno.ENOSPC, NoSpace),
        (errno.EIO, StoreError),
    ],
)
def test_a_file_system_that_cannot_is_told_from_one_that_fails(error: int, kind: type, tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"content")
    with closing(Directory.open(str(tmp_path), Fails(error))) as directory, closing(directory.create("new")) as new:
        fd = directory.open_read("old")
        with pytest.raises(kind) as raised:
            clone.cloned(fd, str(path), new)
        os.close(fd)
    assert isinstance(raised.value, clone.CannotClone) == (kind is clone.CannotClone)
