# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which store's files are in a Raft directory, and how much they hold. Only looked at: a store in use is not read."""

from __future__ import annotations

import stat
from contextlib import closing
from typing import NamedTuple, Union

from .._disk.datadir import descend
from .._disk.errors import StoreError, unreadable
from .._disk.syscalls import REAL
from .._raftstore.base.names import RAFT_DB, WAL_DIR
from .._raftstore.base.store import BOLTDB, WAL
from .._raftstore.directory.raftdir import files_len, locate, node_id


class Files(NamedTuple):
    """The server's Raft ID, the backend whose files are there, their length, and how much of that is on the disk."""

    id: str = ""
    backend: str = ""
    size: int = 0
    written: int = 0


def files(data_dir: str) -> Files:
    """What is there below this data_dir. Raises StoreError or OSError."""
    with closing(locate(data_dir, REAL)) as raft:
        known, status = node_id(raft) or "", raft.stat(RAFT_DB)
        if status is not None and stat.S_ISREG(status.st_mode):
            return Files(known, BOLTDB, status.st_size, min(status.st_size, 512 * status.st_blocks))
        wal = descend(raft, (WAL_DIR,))
        if wal is None:
            return Files(known)
        with closing(wal):
            return Files(known, WAL, files_len(wal), files_len(wal))


def sentence(error: Union[StoreError, OSError], data_dir: str) -> str:
    """What is wrong, where, and what to do."""
    return str(unreadable(error, data_dir) if isinstance(error, OSError) else error)
