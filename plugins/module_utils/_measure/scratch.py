# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory to measure in, beside the Raft directory and in its file system, if there is room for it."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from typing import Iterator

from .._disk.durable import Directory
from .._disk.errors import Refused
from .._disk.syscalls import REAL
from .._raftstore.directory.raftdir import locate
from .._raftstore.rehearsal import scratch as place
from .._raftstore.rehearsal.room import margin_bytes


@contextmanager
def scratch(data_dir: str, needs: int) -> Iterator[Directory]:
    """A new, empty directory, to be used while the context lasts. `needs` are the bytes that will be written there.

    Raises Refused where there is no place for it, InUse while somebody else is measuring or rehearsing here.
    """
    with closing(locate(data_dir, REAL)) as raft:
        _check(raft, needs)
        with place.scratch(raft, name=place.MEASURING) as made:
            yield made.directory


def _check(raft: Directory, needs: int) -> None:
    if place.is_apart(raft):
        raise Refused("this is a file system of its own, in which nothing is measured", raft.path)
    status, free = os.fstatvfs(raft.fd), raft.free_bytes()
    margin = margin_bytes(status.f_blocks * status.f_frsize)
    if free < needs + margin:
        what = f"{free} bytes are free: too few to write {needs} while {margin} stay free for the server"
        raise Refused(what, raft.path)
