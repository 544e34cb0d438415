# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The new store before it may count, in both directions: whose it is, and that nobody else has it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import InUse, StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import SystemCalls
from support.conversions.ways import OLD_RAFT_DB_BACK, PLAIN, VOTED_ON_WAL, Case, Start, made_from, seen
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


def flipped(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[raw.index(b"entry")] ^= 1
    file.write_bytes(raw)


def cut_off(file: Path) -> None:
    os.truncate(file, 32)


@pytest.mark.parametrize("damage", [flipped, cut_off, Path.unlink])
def test_nobody_is_told_to_give_up_a_raft_db_because_the_new_wal_is_damaged(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    def at_last(name: str, what: str) -> bool:
        return (name, what) == ("fsync", "wal.partial")

    case = made_from(PLAIN, tmp_path, copies=False)
    refused_and_untouched(case, at_last, lambda: damage(min((case.raft / "wal.partial").glob("*.wal"))))


@pytest.mark.parametrize("damage", [flipped, cut_off])
def test_nobody_is_told_to_give_up_a_wal_because_the_new_raft_db_is_damaged(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    syncs: list[str] = []

    def at_last(name: str, what: str) -> bool:
        """Its pages are synced first, then its meta pages."""
        syncs.extend([what] if (name, what) == ("fsync", "raft.db.partial") else [])
        return len(syncs) == 2

    case = made_from(VOTED_ON_WAL, tmp_path, copies=False)
    refused_and_untouched(case, at_last, lambda: damage(case.raft / "raft.db.partial"))


def refused_and_untouched(case: Case, when: Callable[[str, str], bool], damage: Callable[[], None]) -> None:
    before = seen(case.raft)
    hook = Hook(when, damage)
    with pytest.raises(StoreError, match=r"\.partial.*The old store is untouched\. Run again"):
        case.go(hook)
    assert hook.done and seen(case.raft) == before
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
