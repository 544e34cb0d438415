# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The new store before it may count, in both directions: whose it is, and that nobody else has it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.disk.errors import InUse
from ansible_collections.raftops.nomad.plugins.module_utils.disk.syscalls import SystemCalls
from support.conversions.ways import OLD_RAFT_DB_BACK, PLAIN, VOTED_ON_WAL, Start, made_from, seen
from support.stores.recording import Hook


@pytest.mark.parametrize(
    ("start", "file", "sync"),
    [
        (PLAIN, "wal.partial/wal-meta.db", "wal.partial"),
        (VOTED_ON_WAL, "raft.db.partial", "raft.db.partial"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_new_store_that_somebody_locks_is_not_published(start: Start, file: str, sync: str, tmp_path: Path) -> None:
    case = made_from(start, tmp_path, copies=False)
    before = seen(case.raft)
    held: list[int] = []

    def lock() -> None:
        held.append(os.open(case.raft / file, os.O_RDONLY))
        fcntl.flock(held[0], fcntl.LOCK_SH)

    with pytest.raises(InUse, match="before it was published"):
        case.go(Hook(lambda name, what: (name, what) == ("fsync", sync), lock))
    os.close(held[0])
    assert seen(case.raft) == before
    case.completed()


@pytest.mark.parametrize("start", [PLAIN, VOTED_ON_WAL, OLD_RAFT_DB_BACK], ids=lambda start: start.name)
def test_owner_and_modes_come_from_the_old_store(start: Start, tmp_path: Path) -> None:
    case = made_from(start, tmp_path, copies=False)
    old = case.raft / ("wal/wal-meta.db" if start.way.old_store == "wal" else "raft.db")
    os.chown(old, 12345, 54321)
    os.chmod(old, 0o6640)
    case.go(SystemCalls())
    new = case.raft / start.way.store
    for path in [new, *(new.iterdir() if new.is_dir() else ())]:
        status = path.stat()
        assert (status.st_uid, status.st_gid) == (12345, 54321)
        assert status.st_mode & 0o7777 == (0o750 if path.is_dir() else 0o640)
