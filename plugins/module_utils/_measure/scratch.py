# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One directory to measure in, beside the Raft directory and in its file system: root's own, 0700, removed at the end.

Nothing is made in the Raft directory itself. What a run that was killed has left is removed by the next one.
"""

from __future__ import annotations

import os
import stat
from contextlib import closing, contextmanager
from typing import Iterator

from .._disk.datadir import above
from .._disk.durable import Directory, lock_exclusive
from .._disk.errors import InUse, Refused
from .._disk.syscalls import REAL
from .._raftstore.directory.raftdir import locate

NAME = ".raftops-scratch"


@contextmanager
def scratch(data_dir: str, needs: int) -> Iterator[Directory]:
    """A new, empty directory, to be used while the context lasts. `needs` are the bytes that will be written there.

    Raises Refused where there is no place for it, or somebody else is measuring here.
    """
    with closing(locate(data_dir, REAL)) as raft, closing(above(raft)) as server:
        server.path = os.path.dirname(os.path.abspath(raft.path))  # for messages
        _check(raft, server, needs)
        if server.stat(NAME) is not None:
            _remove(server)
        with closing(server.make_directory(NAME)) as made:
            _lock(made)
            try:
                yield made
            finally:
                clear(made)
                server.remove_directory(NAME)


def clear(directory: Directory) -> None:
    """Remove all that is in a directory that this code has made, two levels deep."""
    for name in directory.names():
        status = directory.stat(name)
        if status is None or not stat.S_ISDIR(status.st_mode):
            directory.remove_nosync(name)
            continue
        with closing(directory.subdirectory(name)) as inner:
            for inner_name in inner.names():
                found = inner.stat(inner_name)
                if found is not None and stat.S_ISDIR(found.st_mode):
                    inner.remove_directory(inner_name)
        directory.remove_directory(name)


def _check(raft: Directory, server: Directory, needs: int) -> None:
    if os.fstat(raft.fd).st_dev != os.fstat(server.fd).st_dev:
        raise Refused("this is a file system of its own, in which nothing is measured", raft.path)
    if raft.free_bytes() < needs:
        raise Refused(f"{raft.free_bytes()} bytes are free, too few to measure anything here ({needs})", raft.path)


def _remove(server: Directory) -> None:
    """What a run has left; not what is anybody else's."""
    status = server.stat(NAME)
    if status is None or not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise Refused("this is in the way", server.path_of(NAME), hint="Find out what it is, and move it away.")
    with closing(server.subdirectory(NAME)) as left:
        _lock(left)
        clear(left)
        server.remove_directory(NAME)


def _lock(directory: Directory) -> None:
    try:
        lock_exclusive(directory.fd, directory.path)
    except InUse as error:
        raise Refused("another run is measuring here", directory.path, hint="Wait until it has ended.") from error
