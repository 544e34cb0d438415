# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store as it is at one moment, while a server goes on writing to it. Reads the Raft directory only.

The file system clones a file in one step (FICLONE), with writers kept out, so the clone is what a crash at that moment
would leave of the file. bbolt and raft-wal are made to open that: bbolt writes new pages and then a meta page, raft-wal
appends to one segment. A plain copy takes time, and the file has changed meanwhile: it is no store at any moment.

A WAL is several files, and they are not cloned together. Its metadata says which segments there are; it only changes
when a segment is full, when the log is cut, and with a term or a vote. So the metadata is cloned before the segments
and after them. Where both clones are the same, nothing but appends to the last segment came between them, and the
segments are those of the one moment at which the last one was cloned. Otherwise all of it is done again.
"""

from __future__ import annotations

import errno
import os
from contextlib import closing
from functools import partial
from typing import Callable

from ..._disk.durable import Directory, NewFile, read_exact
from ..._disk.errors import InUse, Refused, StoreError
from ..._disk.reading import reading
from ..._disk.syscalls import fail
from ..base.names import RAFT_DB, SNAPSHOTS, WAL_DIR, WAL_META
from ..base.store import BOLTDB
from ..directory.snapshots import META, STATE, list_snapshots

Fill = Callable[[int, str, NewFile], None]
"""Gives a new file the content of an open one, whose path is for messages."""

AGAIN = "wal-meta.db.again"
ATTEMPTS = 20
WINDOW_LEN = 1 << 20
CANNOT = (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS)


class CannotClone(Refused):
    """The file system of the store cannot clone a file."""


def cloned(fd: int, path: str, new: NewFile) -> None:
    """Let the new file share the blocks of the open one. Raises CannotClone."""
    try:
        new.clone(fd)
    except OSError as error:
        if error.errno not in CANNOT:
            fail(error, "clone the file", path)
        raise CannotClone("the file system cannot clone this file", path) from error


def copied(fd: int, path: str, new: NewFile) -> None:
    """Copy the open file, which nobody may change meanwhile."""
    size = os.fstat(fd).st_size
    for off in range(0, size, WINDOW_LEN):
        new.write([read_exact(fd, min(WINDOW_LEN, size - off), off, path)])


def take(raft: Directory, into: Directory, backend: str, fill: Fill) -> None:
    """Put the store of this backend, and the snapshots beside it, into an empty directory.

    The snapshots come last. Raft shortens its log only after a snapshot is on the disk, so a later list of them covers
    the log as it was; an earlier one might not.
    """
    if backend == BOLTDB:
        _file(raft, into, RAFT_DB, fill)
    else:
        with closing(raft.subdirectory(WAL_DIR)) as wal, closing(into.make_directory(WAL_DIR)) as new:
            _wal(wal, new, fill)
    _snapshots(raft, into, fill)


def _file(source: Directory, into: Directory, name: str, fill: Fill, new_name: str = "") -> None:
    with reading(source, name) as fd, closing(into.create(new_name or name)) as new:
        fill(fd, source.path_of(name), new)


def _wal(wal: Directory, into: Directory, fill: Fill) -> None:
    for _attempt in range(ATTEMPTS):
        _file(wal, into, WAL_META, fill)
        for name in wal.names():
            if name.endswith(".wal"):
                _unless_gone(wal, name, partial(_file, wal, into, name, fill))
        _file(wal, into, WAL_META, fill, AGAIN)
        if _content(into, WAL_META) == _content(into, AGAIN):
            into.remove_nosync(AGAIN)
            return
        for name in into.names():
            into.remove_nosync(name)
    what = f"the WAL's metadata has changed during each of {ATTEMPTS} attempts to clone it"
    raise InUse(what, wal.path, hint="Run again when the server writes less.")


def _content(directory: Directory, name: str) -> bytes:
    with reading(directory, name) as fd:
        return read_exact(fd, os.fstat(fd).st_size, 0, directory.path_of(name))


def _snapshots(raft: Directory, into: Directory, fill: Fill) -> None:
    found = list_snapshots(raft)
    if not found:
        return
    with closing(raft.subdirectory(SNAPSHOTS)) as source, closing(into.make_directory(SNAPSHOTS)) as target:
        for snapshot in found:
            _unless_gone(source, snapshot.id, partial(_snapshot, source, target, snapshot.id, fill))


def _snapshot(source: Directory, target: Directory, name: str, fill: Fill) -> None:
    with closing(source.subdirectory(name)) as old, closing(target.make_directory(name)) as new:
        for file in (STATE, META):  # without meta.json it is no snapshot
            # Raft removes a snapshot's files before their directory.
            if not _unless_gone(old, file, partial(_file, old, new, file, fill)):
                return


def _unless_gone(directory: Directory, name: str, do: Callable[[], None]) -> bool:
    """Do it, and tell whether it is done. That it failed is no matter if the server has removed the name meanwhile."""
    try:
        do()
    except StoreError:
        if directory.stat(name) is not None:
            raise
        return False
    return True
