# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshots that rolls have left in a directory on the server: which there are, and removing the old ones.

Ours are known by the names that the role and `snapshot_save` give: `nomad-NAME-TIME.snap`. A file that somebody else
has named, a link and a directory are none of ours. What is in them, the cluster's keys, is never read here.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import closing
from typing import Any, Dict, List, NamedTuple, Tuple

from ..._disk.durable import Directory
from ..._disk.errors import Refused, StoreError, WriteFailed
from .snapshot import open_directory

NAME = re.compile(r"nomad-.+-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.snap")


class SnapshotFile(NamedTuple):
    """One file: its path, its size in bytes, and when it was saved, by its name: 2026-11-22T10:47:44Z."""

    path: str
    size: int
    created: str

    def as_dict(self) -> Dict[str, Any]:
        """As modules return it."""
        return self._asdict()


def found(path: str) -> List[SnapshotFile]:
    """Those in this directory, the oldest first; none where it is missing or cannot be read."""
    try:
        with closing(Directory.open(path)) as directory:
            return _listed(directory)
    except StoreError:
        return []


def prune(path: str, uid: int, keep: int, check: bool) -> Tuple[List[SnapshotFile], List[SnapshotFile]]:
    """Remove all but the newest `keep`, or with `check` only look; those that go and those that stay.

    Raises Refused for a directory where others than root and `uid` can write, WriteFailed.
    """
    if keep < 0:
        raise Refused(f"{keep} snapshots cannot be kept", path, hint="Give 0 or more.")
    directory = open_directory(path, uid, create=False) if os.path.isdir(os.path.dirname(path)) else None
    if directory is None:
        return [], []
    with closing(directory):
        files = _listed(directory)
        goes = files[: max(len(files) - keep, 0)]
        for one in [] if check else goes:
            _remove(directory, os.path.basename(one.path))
    return goes, files[len(goes) :]


def _remove(directory: Directory, name: str) -> None:
    """Servers may share the directory: what another one has removed meanwhile is gone as well."""
    try:
        directory.remove(name)
    except WriteFailed:
        if directory.stat(name) is not None:
            raise


def _listed(directory: Directory) -> List[SnapshotFile]:
    files = []
    for name in directory.names():
        match, status = NAME.fullmatch(name), directory.stat(name)
        if match and status is not None and stat.S_ISREG(status.st_mode):
            created = "{}-{}-{}T{}:{}:{}Z".format(*match.groups())
            files.append(SnapshotFile(directory.path_of(name), status.st_size, created))
    return sorted(files, key=lambda one: (one.created, one.path))
