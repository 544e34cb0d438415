# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks and openers, against other processes."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import InUse, Refused
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory import locks
from support.stores.builder import as_user

HOLD = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
if len(sys.argv) > 2:
    fcntl.flock(fd, fcntl.LOCK_EX)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(name="directory")
def open_directory(tmp_path: Path) -> Iterator[Directory]:
    (tmp_path / "raft.db").write_bytes(b"x")
    directory = Directory.open(str(tmp_path))
    yield directory
    directory.close()


def holder(path: str, *how: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, path, *how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def test_a_lock_of_another_process_is_seen(directory: Directory) -> None:
    process = holder(directory.path_of("raft.db"), "lock")
    fd, free = locks.open_locked(directory, "raft.db", change=True)
    os.close(fd)
    process.communicate("")
    assert not free
    fd, free = locks.open_locked(directory, "raft.db", change=True)
    os.close(fd)
    assert free


def test_readers_share_and_keep_writers_away(directory: Directory) -> None:
    first, free_first = locks.open_locked(directory, "raft.db", change=False)
    second, free_second = locks.open_locked(directory, "raft.db", change=False)
    third, free_third = locks.open_locked(directory, "raft.db", change=True)
    for fd in (first, second, third):
        os.close(fd)
    assert (free_first, free_second, free_third) == (True, True, False)


def test_a_name_that_was_replaced_meanwhile_is_locked_anew(directory: Directory, tmp_path: Path) -> None:
    """The lock follows the inode: what counts is whether the name is still that inode."""

    class Replaced(Directory):
        """Somebody renames another file over the name, once, between open and lock."""

        def open_read_write(self, name: str) -> int:
            fd = super().open_read_write(name)
            if (tmp_path / "other").exists():
                os.rename(tmp_path / "other", tmp_path / name)
            return fd

    (tmp_path / "other").write_bytes(b"other")
    fd, free = locks.open_locked(Replaced(directory.fd, directory.path), "raft.db", change=True)
    assert free and os.read(fd, 9) == b"other"
    os.close(fd)

    class Restless(Directory):
        """Somebody replaces it every time."""

        def open_read_write(self, name: str) -> int:
            fd = super().open_read_write(name)
            (tmp_path / "other").write_bytes(b"other")
            os.rename(tmp_path / "other", tmp_path / name)
            return fd

    with pytest.raises(Refused, match="keeps being replaced"):
        locks.open_locked(Restless(directory.fd, directory.path), "raft.db", change=True)


def test_another_run_is_waited_for_until_it_ends(directory: Directory) -> None:
    process = holder(directory.path, "lock")
    with pytest.raises(InUse, match="another run"):
        locks.lock_directory(directory, 0.15)
    timer = threading.Timer(0.2, process.communicate, [""])
    timer.start()
    locks.lock_directory(directory, 30)
    timer.join()
    fd = os.open(directory.path, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(fd)


def test_openers_are_found_by_inode_whatever_the_name(directory: Directory, tmp_path: Path) -> None:
    fd = directory.open_read("raft.db")
    inode = locks.inode_of(fd)
    assert locks.openers([inode]).pids == [], "our own descriptors do not count"
    process = holder(directory.path_of("raft.db"))
    os.rename(tmp_path / "raft.db", tmp_path / "renamed")
    assert locks.openers([inode]).pids == [process.pid]
    error = locks.in_use([process.pid], "/x/raft.db")
    assert f"in use by PID {process.pid} (" in str(error) and "Stop the Nomad server" in str(error)
    process.communicate("")
    deadline = time.monotonic() + 30
    while locks.openers([inode]).pids and time.monotonic() < deadline:
        pass
    assert locks.openers([inode]) == locks.Openers([], False)
    assert locks.openers([]) == locks.Openers([], False)
    os.close(fd)


def test_without_root_some_processes_cannot_be_seen() -> None:
    """The fd directories of root's processes are closed to other users."""
    assert as_user(54321, lambda: str(locks.openers([(1, 1)]).unseen)) == "True"


def test_an_unknown_holder_is_said_to_be_unknown() -> None:
    assert "cannot be seen" in str(locks.in_use([], "/x/raft.db"))
