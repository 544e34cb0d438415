# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A full copy of the old store in a directory of the user's choice, compared with the original before the switch."""

from __future__ import annotations

import os
import re
import stat
from typing import Tuple

from ...disk.durable import Directory, NewFile, read_exact
from ...disk.errors import NoSpace, Refused, StoreError, WriteFailed
from ...disk.syscalls import SystemCalls
from ..base.names import RAFT_DB, WAL_DIR

WINDOW_LEN = 1 << 20
RUN_ID = re.compile(r"[0-9a-f]{8}\Z")


def check_directory(backup_dir: str, raft: Directory, length: int) -> Tuple[int, int]:
    """(device, free bytes) of the directory for copies. Raises Refused or NoSpace if `length` bytes cannot go there."""
    directory = Directory.open(backup_dir, raft.calls)
    try:
        status, home = os.fstat(directory.fd), os.fstat(raft.fd)
        if (status.st_dev, status.st_ino) == (home.st_dev, home.st_ino):
            raise Refused("backup_dir is the Raft directory itself", backup_dir, hint="Give another directory.")
        free = directory.free_bytes()
    finally:
        directory.close()
    if free < length:
        what = f"the copy takes {length} bytes, and {free} are free"
        raise NoSpace(what, backup_dir, hint="Free some space. A *.partial is what a killed run has left of its copy.")
    return status.st_dev, free


def partial_name(name: str, run_id: str) -> str:
    """The name under which a run copies the store of this name. Only a whole, compared copy gets that of a backup.

    The run's random id keeps apart the runs on several servers that share a directory for copies.
    """
    return f"{name}.{run_id}.partial"


def remove_partials(backup_dir: str, run_id: str, calls: SystemCalls) -> None:
    """Remove what the run of this id had copied when it was killed."""
    if not RUN_ID.match(run_id):  # from the journal, of which no name is made unseen
        return
    directory = Directory.open(backup_dir, calls)
    try:
        for name in (partial_name(RAFT_DB, run_id), partial_name(WAL_DIR, run_id)):
            status = directory.stat(name)
            if status is not None:
                (directory.remove_directory if stat.S_ISDIR(status.st_mode) else directory.remove)(name)
    finally:
        directory.close()


def copy_file(fd: int, path: str, backup_dir: str, name: str, partial: str, calls: SystemCalls) -> str:
    """Copy the open file (mode 0600), sync and compare it, and give it a free name; returns the copy's path.

    Raises NoSpace or WriteFailed; what was copied so far is removed then.
    """
    directory = Directory.open(backup_dir, calls)
    made = partial
    try:
        new = directory.create(partial)
        try:
            _fill(fd, path, new)
            made = _publish(directory, partial, name)
            directory.sync()
        except StoreError:
            directory.remove(made)
            raise
        finally:
            new.close()
        return directory.path_of(made)
    finally:
        directory.close()


def copy_directory(source: Directory, backup_dir: str, name: str, partial: str) -> str:
    """The same for a directory of plain files: each is copied and compared, then both directories are synced."""
    directory = Directory.open(backup_dir, source.calls)
    made = partial
    try:
        copy = directory.make_directory(partial)
        try:
            for inner in source.names():
                _copy_into(source, copy, inner)
            copy.sync()
            made = _publish(directory, partial, name)
            directory.sync()
        except StoreError:
            directory.remove_directory(made)
            raise
        finally:
            copy.close()
        return directory.path_of(made)
    finally:
        directory.close()


def _publish(directory: Directory, partial: str, name: str) -> str:
    """Give the finished copy a free name, which is returned; it is durable after the next sync."""
    number = 1
    free = name
    while directory.stat(free) is not None:
        number += 1
        free = f"{name}-{number}"
    directory.rename_nosync(partial, free)
    return free


def _copy_into(source: Directory, copy: Directory, name: str) -> None:
    fd = source.open_read(name)
    try:
        new = copy.create(name)
        try:
            _fill(fd, source.path_of(name), new)
        finally:
            new.close()
    finally:
        os.close(fd)


def _fill(fd: int, path: str, new: NewFile) -> None:
    size = os.fstat(fd).st_size
    for off in range(0, size, WINDOW_LEN):
        new.write([read_exact(fd, min(WINDOW_LEN, size - off), off, path)])
    new.sync()
    for off in range(0, size, WINDOW_LEN):
        length = min(WINDOW_LEN, size - off)
        if read_exact(fd, length, off, path) != read_exact(new.fd, length, off, new.path):
            raise WriteFailed("the copy differs from the original", new.path, off, "Check the disk of backup_dir.")
