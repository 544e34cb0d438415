# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory in which a rehearsal or a measurement works: beside the Raft directory, on its file system, not in it.

It is of mode 0700 and belongs to the user who runs it, so nobody else gets at what is inside. The directory that it
is in belongs to the service user, who can give its name to something else. So it is only used through its descriptor,
and only what has the mark inside is ever removed.
"""

from __future__ import annotations

import os
import stat
from contextlib import closing, contextmanager
from typing import Iterator, List, NamedTuple, Optional

from ..._disk.durable import Directory, lock_exclusive
from ..._disk.errors import InUse, Refused, StoreError
from ..._disk.mounts import PROC, mount_number

SCRATCH = ".raftops-rehearsal"
MEASURING = ".raftops-scratch"  # of its own, so that a copy which is to stay stays
MARK = "rehearsal"  # made first and removed last
KEPT = "copied"  # made when a copy is whole that is to be rehearsed later


class Scratch(NamedTuple):
    """The open, empty directory, and the one that it is in."""

    directory: Directory
    home: Directory


@contextmanager
def scratch(raft: Directory, keep: bool = False, name: str = SCRATCH) -> Iterator[Scratch]:
    """An empty directory for one run, removed at the end. Raises InUse while another one works here, Refused.

    With `keep` it stays, for `kept`, unless the block has failed.
    """
    with closing(_home(raft)) as home:
        _lock(home)
        _remove(home, name)
        stays = False
        with closing(home.make_directory(name)) as directory:
            try:
                directory.create(MARK).close()
                yield Scratch(directory, home)
                if keep:
                    directory.create(KEPT).close()
                stays = keep
            finally:
                if not stays:
                    _remove(home, name)


@contextmanager
def kept(raft: Directory) -> Iterator[Optional[Scratch]]:
    """What a `scratch` has kept, removed at the end; None where there is nothing of that kind. Raises as `scratch`."""
    with closing(_home(raft)) as home:
        _lock(home)
        directory = _left(home, SCRATCH)
        try:
            whole = directory is not None and KEPT in directory.names()
            yield Scratch(directory, home) if directory is not None and whole else None
        finally:
            if directory is not None:
                directory.close()
            _remove(home, SCRATCH)


def clear(directory: Directory) -> None:
    """Remove all that a run has made in its directory so far. Raises Refused where something is mounted there."""
    _clear(directory, os.fstat(directory.fd).st_dev)


def tidy(raft: Directory) -> List[str]:
    """Remove what killed runs have left, unless one is at work. Returns why that could not be done."""
    try:
        with closing(_home(raft)) as home:
            left = _names(home)
            if left:
                _lock(home)
            for name in left:
                _remove(home, name)
    except InUse:
        return []
    except (StoreError, OSError) as error:
        return [f"What a killed run has left could not be removed: {error}"]
    return []


def is_left(raft: Directory) -> bool:
    """Whether something has the name of such a directory here."""
    with closing(_home(raft)) as home:
        return bool(_names(home))


def is_apart(raft: Directory, proc: str = PROC) -> bool:
    """Whether the Raft directory is a file system of its own, so that nothing beside it is on the same one.

    A btrfs subvolume has a device number of its own as well, but no mount, and can be cloned out of.
    """
    with closing(_home(raft)) as home:
        devices = [os.fstat(one.fd).st_dev for one in (raft, home)]
        return devices[0] != devices[1] and mount_number(raft.fd, proc) != mount_number(home.fd, proc)


def _home(raft: Directory) -> Directory:
    """The directory that has the Raft directory, whatever links led there."""
    home = raft.subdirectory("..")
    home.path = os.readlink(f"/proc/self/fd/{home.fd}")
    return home


def _names(home: Directory) -> List[str]:
    return [name for name in (SCRATCH, MEASURING) if home.stat(name) is not None]


def _lock(home: Directory) -> None:
    """The directory above is locked: a lock on one that is yet to be made comes too late."""
    try:
        lock_exclusive(home.fd, home.path)
    except InUse as error:
        what = "another rehearsal or measurement is at work here"
        raise InUse(what, home.path, hint="Wait until it has ended.") from error


def _left(home: Directory, name: str) -> Optional[Directory]:
    """The directory of this name that a run has left, None if there is none. Raises Refused for anything else."""
    status = home.stat(name)
    if status is None:
        return None
    if not stat.S_ISDIR(status.st_mode):
        raise _foreign(home, name)
    directory = home.subdirectory(name)
    opened, names = os.fstat(directory.fd), directory.names()
    if opened.st_uid != os.geteuid() or opened.st_mode & 0o077 or (names and MARK not in names):
        directory.close()
        raise _foreign(home, name)
    return directory


def _remove(home: Directory, name: str) -> None:
    directory = _left(home, name)
    if directory is None:
        return
    with closing(directory):
        clear(directory)
        if MARK in directory.names():
            directory.remove_nosync(MARK)
    home.remove_empty(name)


def _clear(directory: Directory, device: int) -> None:
    """Remove everything but the mark."""
    for name in directory.names():
        status = directory.stat(name)
        if status is None or name == MARK:
            continue
        if not stat.S_ISDIR(status.st_mode):
            directory.remove_nosync(name)
            continue
        if status.st_dev != device:
            raise Refused("something is mounted here", directory.path_of(name), hint="Unmount it and run again.")
        with closing(directory.subdirectory(name)) as inner:
            _clear(inner, device)
        directory.remove_empty(name)


def _foreign(home: Directory, name: str) -> StoreError:
    return Refused(
        "this has the name of a scratch directory, but no rehearsal or measurement leaves such a thing",
        home.path_of(name),
        hint="Nothing was removed. Find out what it is and move it away.",
    )
