# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open a directory of Nomad's by the path that a person gave: the data_dir, or one below it. Reads only.

The path to the data_dir comes from a person and may have links. A link named `server` or `raft`, whether it ends the
given path or lies below it, is followed once, here, and only where nobody but root can have meant it: root's own, to a
directory that nobody else can exchange. With any other the service user could point root elsewhere.
"""

from __future__ import annotations

import os
import stat
from contextlib import closing
from typing import Optional, Sequence

from .durable import Directory
from .errors import Refused
from .places import untrusted_above
from .syscalls import SystemCalls

ROOTS_LINK = (
    "Let root own the link (chown -h root), pointing to the directory itself, and let only root write to the "
    "directories above that; or mount the directory here (mount --bind)."
)
BELOW = (("server", "raft"), ("raft",))  # the data_dir, or its server directory


def open_given(path: str, calls: SystemCalls) -> Directory:
    """The directory of this path. Raises Refused when it ends in a link named `server` or `raft` of others."""
    path = os.path.abspath(path)
    for below in (*BELOW, ("server",)):
        end = os.sep + os.path.join(*below)
        if not path.endswith(end):
            continue
        with closing(Directory.open(path[: -len(end)] or os.sep, calls)) as top:
            found = descend(top, below)
        if found is None:
            raise Refused("there is no such directory", path, hint="Give the data_dir of a Nomad server.")
        return found
    return Directory.open(path, calls)


def descend(given: Directory, below: Sequence[str]) -> Optional[Directory]:
    """The directory of these names below `given`, which stays open; None if one is missing.

    Raises Refused for a link that is not root's.
    """
    directory = given
    for name in below:
        try:
            inner = _inside(directory, name)
        finally:
            if directory is not given:
                directory.close()
        if inner is None:
            return None
        directory = inner
    return directory


def _inside(directory: Directory, name: str) -> Optional[Directory]:
    status = directory.stat(name)
    if status is None:
        return None
    if stat.S_ISLNK(status.st_mode):
        return _followed(directory, name)
    return directory.subdirectory(name) if stat.S_ISDIR(status.st_mode) else None


def _followed(directory: Directory, name: str) -> Directory:
    """The directory that a link of root's leads to, under the link's path. Raises Refused for any other link.

    The link is held open while its owner is looked at and its target is read: its name may be exchanged at any moment.
    """
    path = directory.path_of(name)
    link = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory.fd)
    try:
        if os.fstat(link).st_uid not in (0, os.geteuid()):
            raise Refused("this is a symbolic link of another user, which is not followed", path, hint=ROOTS_LINK)
        start = os.readlink(f"/proc/self/fd/{directory.fd}")
        target = os.path.normpath(os.path.join(start, os.readlink("", dir_fd=link)))
        if os.path.realpath(target) != target:
            raise Refused(f"this symbolic link leads to another one, by {target}", path, hint=ROOTS_LINK)
        others = untrusted_above(target, os.geteuid())
        if others:
            what = f"this symbolic link leads to {target}, and others than root may write to {others}"
            raise Refused(what, path, hint=ROOTS_LINK)
        fd = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"this symbolic link cannot be followed: {os.strerror(error.errno or 0)}", path) from error
    finally:
        os.close(link)
    return Directory(fd, path, directory.calls)


def above(directory: Directory) -> Directory:
    """The directory in which this one has its name: for one that a link of root's leads to, that of the link."""
    path = os.path.abspath(directory.path)
    if os.path.basename(path) in ("server", "raft") and os.path.islink(path):
        return open_given(os.path.dirname(path), directory.calls)
    return directory.subdirectory("..")


def stat_no_link(directory: Directory, name: str, hint: str) -> Optional[os.stat_result]:
    """Status of a name, None when there is none. Raises Refused, with the hint, when it is a symbolic link."""
    status = directory.stat(name)
    if status is not None and stat.S_ISLNK(status.st_mode):
        raise Refused("this is a symbolic link, which is not followed here", directory.path_of(name), hint=hint)
    return status
