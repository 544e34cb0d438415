# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A full copy of the old store in a directory of the user's choice, compared with the original before the switch."""

from __future__ import annotations

import os
from typing import Tuple

from .durable import Directory, NewFile, read_exact
from .errors import NoSpace, Refused, StoreError, WriteFailed
from .syscalls import SystemCalls

WINDOW_LEN = 1 << 20


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
        raise NoSpace(f"the copy takes {length} bytes, and {free} are free", backup_dir, hint="Free some space.")
    return status.st_dev, free


def copy_file(fd: int, path: str, backup_dir: str, name: str, calls: SystemCalls) -> str:
    """Copy the open file to a free name in `backup_dir` (mode 0600), sync and compare it; returns the copy's path.

    Raises NoSpace or WriteFailed; what was copied so far is removed then.
    """
    directory = Directory.open(backup_dir, calls)
    try:
        free = _free(directory, name)
        new = directory.create(free)
        try:
            _fill(fd, path, new)
            directory.sync()
        except StoreError:
            directory.remove(free)
            raise
        finally:
            new.close()
        return directory.path_of(free)
    finally:
        directory.close()


def copy_directory(source: Directory, backup_dir: str, name: str) -> str:
    """The same for a directory of plain files: each is copied and compared, then both directories are synced."""
    directory = Directory.open(backup_dir, source.calls)
    try:
        free = _free(directory, name)
        copy = directory.make_directory(free)
        try:
            for inner in source.names():
                _copy_into(source, copy, inner)
            copy.sync()
            directory.sync()
        except StoreError:
            directory.remove_directory(free)
            raise
        finally:
            copy.close()
        return directory.path_of(free)
    finally:
        directory.close()


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


def _free(directory: Directory, name: str) -> str:
    number = 1
    free = name
    while directory.stat(free) is not None:
        number += 1
        free = f"{name}-{number}"
    return free


def _fill(fd: int, path: str, new: NewFile) -> None:
    size = os.fstat(fd).st_size
    for off in range(0, size, WINDOW_LEN):
        new.write([read_exact(fd, min(WINDOW_LEN, size - off), off, path)])
    new.sync()
    for off in range(0, size, WINDOW_LEN):
        length = min(WINDOW_LEN, size - off)
        if read_exact(fd, length, off, path) != read_exact(new.fd, length, off, new.path):
            raise WriteFailed("the copy differs from the original", new.path, off, "Check the disk of backup_dir.")
