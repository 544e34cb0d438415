# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A full copy of the old store in a directory of the user's choice, compared with the original before the switch."""

from __future__ import annotations

import os
import re
import stat
from contextlib import closing
from typing import Callable, Tuple

from ..._disk.durable import Directory, NewFile, read_exact
from ..._disk.errors import NoSpace, Refused, StoreError, WriteFailed
from ..._disk.freename import free_name
from ..._disk.reading import reading
from ..._disk.syscalls import SystemCalls
from ..._text.sizes import human
from ..base.names import RAFT_DB, WAL_DIR
from ..directory.locks import inode_of

WINDOW_LEN = 1 << 20
RUN_ID = re.compile(r"[0-9a-f]{8}\Z")


def check_directory(backup_dir: str, raft: Directory, length: int) -> Tuple[int, int]:
    """(device, free bytes) of the directory for copies. Raises Refused or NoSpace if `length` bytes cannot go there."""
    with closing(Directory.open(backup_dir, raft.calls)) as directory:
        if inode_of(directory.fd) == inode_of(raft.fd):
            raise Refused("backup_dir is the Raft directory itself", backup_dir, hint="Give another directory.")
        device, free = os.fstat(directory.fd).st_dev, directory.free_bytes()
    if free < length:
        what = f"the copy takes {human(length)}, and {human(free)} are free, {human(length - free)} too little"
        raise NoSpace(what, backup_dir, hint="Free some space. A *.partial is left over from a killed run.")
    return device, free


def partial_name(name: str, run_id: str) -> str:
    """The name under which a run copies the store of this name. Only a whole, compared copy gets that of a backup.

    The run's random id keeps apart the runs on several servers that share a directory for copies.
    """
    return f"{name}.{run_id}.partial"


def remove_partials(backup_dir: str, run_id: str, calls: SystemCalls) -> None:
    """Remove what the run of this id had copied when it was killed."""
    if not RUN_ID.match(run_id):  # it comes from the journal: no name is made of it unchecked
        return
    with closing(Directory.open(backup_dir, calls)) as directory:
        for name in (partial_name(RAFT_DB, run_id), partial_name(WAL_DIR, run_id)):
            status = directory.stat(name)
            if status is not None:
                (directory.remove_directory if stat.S_ISDIR(status.st_mode) else directory.remove)(name)


def copy_file(fd: int, path: str, backup_dir: str, name: str, partial: str, calls: SystemCalls) -> str:
    """Copy the open file (mode 0600), sync and compare it, and give it a free name; returns the copy's path.

    Raises NoSpace or WriteFailed; what was copied so far is removed then.
    """
    with closing(Directory.open(backup_dir, calls)) as directory, closing(directory.create(partial)) as new:
        return _publish(directory, partial, name, lambda: _fill(fd, path, new), directory.remove)


def copy_directory(source: Directory, backup_dir: str, name: str, partial: str) -> str:
    """The same for a directory of plain files: each is copied and compared, then both directories are synced."""
    with closing(Directory.open(backup_dir, source.calls)) as home, closing(home.make_directory(partial)) as copy:
        return _publish(home, partial, name, lambda: _copy_all(source, copy), home.remove_directory)


def _publish(
    directory: Directory, partial: str, name: str, fill: Callable[[], None], remove: Callable[[str], None]
) -> str:
    """Fill the new copy and give it a free name, durably; returns its path. After a failure it is removed again."""
    made = partial
    try:
        fill()
        free = free_name(directory.names(), name)
        directory.rename_nosync(partial, free)
        made = free
        directory.sync()
    except StoreError:
        remove(made)
        raise
    return directory.path_of(made)


def _copy_all(source: Directory, copy: Directory) -> None:
    for name in source.names():
        with reading(source, name) as fd, closing(copy.create(name)) as new:
            _fill(fd, source.path_of(name), new)
    copy.sync()


def _fill(fd: int, path: str, new: NewFile) -> None:
    size = os.fstat(fd).st_size
    for off in range(0, size, WINDOW_LEN):
        new.write([read_exact(fd, min(WINDOW_LEN, size - off), off, path)])
    new.sync()
    for off in range(0, size, WINDOW_LEN):
        length = min(WINDOW_LEN, size - off)
        if read_exact(fd, length, off, path) != read_exact(new.fd, length, off, new.path):
            raise WriteFailed("the copy differs from the original", new.path, off, "Check the disk of backup_dir.")
