# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof that nobody else has a store: flocks, and a look at what other processes have open.

The lock is the one bbolt takes (flock on the file). It follows the inode, not the name, so after each lock the name
must still be that inode. A lock alone is not enough: a Nomad server that waits for it already has the file open, and
would go on in it after a rename. Hence the scan of /proc/PID/fd by device and inode, before and after the switch.
"""

from __future__ import annotations

import os
import time
from typing import Callable, Collection, List, NamedTuple, Optional, Set, Tuple

from ..._disk.durable import Directory, lock_exclusive
from ..._disk.errors import InUse, Refused
from ..._disk.mounts import PROC, read_text

POLL_S = 0.1
Inode = Tuple[int, int]


class Openers(NamedTuple):
    """PIDs of other processes that have one of the files open. `unseen`: some processes could not be inspected."""

    pids: List[int]
    unseen: bool


def is_name_of(directory: Directory, name: str, inode: Inode) -> bool:
    """Whether the name itself, without following links, is still this file."""
    status = directory.stat(name)
    return status is not None and _inode(status) == inode


def inode_of(fd: int) -> Inode:
    """Device and inode number of an open file."""
    return _inode(os.fstat(fd))


def lock_directory(directory: Directory, timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
    """Take the lock that keeps two runs apart, waiting for another run. Raises InUse after `timeout_s` seconds."""
    deadline = clock() + timeout_s
    while True:
        try:
            lock_exclusive(directory.fd, directory.path)
            return
        except InUse as error:
            if clock() >= deadline:
                raise InUse(
                    f"another run of this collection has been at work here for {timeout_s:g} seconds",
                    directory.path,
                    hint="Wait until it has ended, then run again.",
                ) from error
        time.sleep(POLL_S)


def open_locked(directory: Directory, name: str, change: bool) -> Tuple[int, bool]:
    """(descriptor, whether the lock was free) of a store file whose name is still the opened inode.

    With `change` the file is opened for writing and locked against everybody; otherwise against writers only. Raises
    Refused if it cannot be opened or keeps being replaced.
    """
    for _attempt in range(10):
        fd = directory.open_read_write(name) if change else directory.open_read(name)
        free = True
        try:
            lock_exclusive(fd, directory.path_of(name), shared=not change)
        except InUse:
            free = False
        if is_name_of(directory, name, inode_of(fd)):
            return fd, free
        os.close(fd)
    raise Refused(
        "the file keeps being replaced", directory.path_of(name), hint="Find out what replaces it, and stop that."
    )


def openers(inodes: Collection[Inode], proc: str = PROC) -> Openers:
    """Which other processes have one of these files open."""
    wanted: Set[Inode] = set(inodes)
    pids: List[int] = []
    unseen = False
    for entry in os.listdir(proc) if wanted else ():
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            fds = os.listdir(f"{proc}/{entry}/fd")
        except PermissionError:
            unseen = True
            continue
        except OSError:  # the process has ended
            continue
        if any(_inode_at(f"{proc}/{entry}/fd/{fd}") in wanted for fd in fds):
            pids.append(int(entry))
    return Openers(sorted(pids), unseen)


def process_names(pids: Collection[int], proc: str = PROC) -> str:
    """The processes for a message: `PID 812 (nomad), PID 900 (cp)`."""
    return ", ".join(f"PID {pid}{_comm(pid, proc)}" for pid in pids)


def in_use(pids: Collection[int], path: str, proc: str = PROC) -> InUse:
    """The error for a store that another process has."""
    who = process_names(pids, proc) if pids else "another process, which cannot be seen from here"
    return InUse(f"in use by {who}", path, hint="Stop the Nomad server on this host, then run the same command again.")


def _inode(status: os.stat_result) -> Inode:
    return status.st_dev, status.st_ino


def _inode_at(path: str) -> Optional[Inode]:
    try:
        return _inode(os.stat(path))
    except OSError:  # closed meanwhile
        return None


def _comm(pid: int, proc: str) -> str:
    name = read_text(f"{proc}/{pid}/comm").strip()
    return f" ({name})" if name else ""
