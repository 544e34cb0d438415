# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open a directory of Nomad's by the path that a person gave: the data_dir, or one below it. Reads only.

The path to the data_dir comes from a person and may have links. A link named `server` or `raft` is refused, whether it
ends the given path or lies below it, because with it the service user could point root elsewhere.
"""

from __future__ import annotations

import os
import stat
from contextlib import closing
from typing import Optional, Sequence

from .durable import Directory
from .errors import Refused
from .syscalls import SystemCalls

BELOW = (("server", "raft"), ("raft",))  # the data_dir, or its server directory


def open_given(path: str, calls: SystemCalls) -> Directory:
    """The directory of this path. Raises Refused when it ends in a link named `server` or `raft`."""
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
    """The directory of these names below `given`, which stays open; None if one is missing. Refused for a link."""
    directory = given
    for name in below:
        try:
            status = stat_no_link(directory, name, "Give the real directory as data_dir.")
            inner = directory.subdirectory(name) if status is not None and stat.S_ISDIR(status.st_mode) else None
        finally:
            if directory is not given:
                directory.close()
        if inner is None:
            return None
        directory = inner
    return directory


def stat_no_link(directory: Directory, name: str, hint: str) -> Optional[os.stat_result]:
    """Status of a name, None when there is none. Raises Refused, with the hint, when it is a symbolic link."""
    status = directory.stat(name)
    if status is not None and stat.S_ISLNK(status.st_mode):
        raise Refused("this is a symbolic link, which is not followed here", directory.path_of(name), hint=hint)
    return status
