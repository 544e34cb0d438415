# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the Raft directory, and open what is in it: the stores with their locks, the journal, the snapshots. Reads only.

Everything is opened below the Raft directory's own descriptor, which disk/datadir.py opens without following a link of
the service user's.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import closing
from typing import Iterator, List, Optional, Sequence

from ..._disk.datadir import BELOW, above, descend, open_given
from ..._disk.durable import Directory
from ..._disk.errors import Refused
from ..._disk.reading import read_head
from ..._disk.syscalls import SystemCalls
from ..base.names import JOURNAL, NODE_ID, OLD_STORE, RAFT_DB, SNAPSHOTS, WAL_DIR, WAL_META, WAL_META_LATER
from ..base.store import MSGPACK, Batch, Extent, OpenedStore, Stable, StoreReader
from ..boltdb.reader import BoltStore
from ..wal.reader import WalStore
from .locks import Inode, inode_of, open_locked

UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NODE_ID_MAX_LEN = 64
SIGNS = (RAFT_DB, WAL_DIR, SNAPSHOTS, JOURNAL, "peers.info")


class EmptyStore(OpenedStore):
    """What Nomad reads in a raft.db of zero bytes: no entries, no stable values."""

    encoding = MSGPACK

    def __init__(self, path: str) -> None:
        self.path = path
        self._opened([], Stable())

    def batches(self, extents: Sequence[Extent]) -> Iterator[Batch]:
        """None."""
        return iter(())


class StoreFile:
    """A store's file, open and, if `free`, locked: raft.db, a backup of it, or the WAL's wal-meta.db."""

    def __init__(self, directory: Directory, name: str, change: bool) -> None:
        self.directory = directory
        self.path = directory.path_of(name)
        self.fd, self.free = open_locked(directory, name, change)
        self.inode: Inode = inode_of(self.fd)
        self.size: int = os.fstat(self.fd).st_size
        self.links: int = os.fstat(self.fd).st_nlink

    def read_boltdb(self, workers: int = 1) -> StoreReader:
        """The BoltDB store in it. Raises Corrupt or Unsupported."""
        return BoltStore(self.fd, self.path, workers) if self.size else EmptyStore(self.path)

    def read_wal(self) -> WalStore:
        """The WAL whose metadata it is. Raises Corrupt, Unsupported or IndexGap."""
        return WalStore(self.directory, self.fd)

    def close(self) -> None:
        """Close it, which gives up the lock."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def locate(data_dir: str, calls: SystemCalls) -> Directory:
    """The Raft directory of Nomad's data_dir, or of its `server` or `server/raft` directory. Raises Refused."""
    given = open_given(data_dir, calls)
    for below in BELOW:
        try:
            found = descend(given, below)
        except Refused:
            given.close()
            raise
        if found is not None:
            given.close()
            return found
    if os.path.basename(os.path.realpath(given.path)) == "raft" or any(given.stat(name) for name in SIGNS):
        return given
    given.close()
    raise Refused(
        "there is no Raft directory here (server/raft)", given.path, hint="Give the data_dir of a Nomad server."
    )


def node_id(raft: Directory) -> Optional[str]:
    """The Raft ID of the server whose directory this is; None if there is no plain file with one beside it.

    The service user owns what is there: no link is followed, and nothing but an ID is ever returned.
    """
    with closing(above(raft)) as server:
        try:
            text = read_head(server, NODE_ID, NODE_ID_MAX_LEN).strip()
        except Refused:
            return None
    return text.decode("ascii") if UUID.fullmatch(text) else None


def backups(names: Sequence[str]) -> List[str]:
    """The names of old stores among these, oldest first."""
    return sorted((name for name in names if OLD_STORE.match(name)), key=lambda name: name.rsplit(".", 1)[-1])


def wal_kind(directory: Directory) -> str:
    """The column wal of the state table, as far as names tell: 0, bad (no metadata), ok, or foreign (an unknown file).

    later: the WAL of a Nomad that is not known here, whose metadata is in another file; reading on would be guessing.
    """
    names = directory.names()
    has_meta = directory.stat(WAL_META) is not None  # looked up: that a listing lacks it is no evidence
    unfinished = WAL_META + ".tmp"
    if any(name.startswith(WAL_META_LATER) for name in names):
        return "later"
    if any(name not in (WAL_META, unfinished) and not name.endswith(".wal") for name in names):
        return "foreign"
    if not has_meta and not set(names) - {unfinished}:  # Nomad was killed in its first moment: raft-wal starts over
        return "0"
    return "ok" if has_meta else "bad"


def files_len(directory: Directory) -> int:
    """Bytes of the plain files in it."""
    statuses = [directory.stat(name) for name in directory.names()]
    return sum(status.st_size for status in statuses if status is not None and stat.S_ISREG(status.st_mode))


def listing(raft: Directory) -> List[str]:
    """The names in the Raft directory, one line each: directories end in a slash, links show their target."""
    lines = []
    for name in raft.names():
        status = raft.stat(name)
        if status is not None and stat.S_ISLNK(status.st_mode):
            lines.append(f"{name} -> {raft.read_link(name)}")
        else:
            lines.append(name + ("/" if status is not None and stat.S_ISDIR(status.st_mode) else ""))
    return lines
