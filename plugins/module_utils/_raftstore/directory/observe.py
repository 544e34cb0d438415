# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on disk, as the few words that the state table asks about, and the open stores behind them. Reads only.

Each run observes the words afresh. Nothing that an earlier run remembers decides here, except the journal's note of
what it copied (see covers.py).
"""

from __future__ import annotations

import os
import stat
from contextlib import closing, contextmanager
from typing import Iterator, List, Optional, Tuple

from ..._disk.durable import Directory
from ..._disk.errors import Corrupt, Refused, StoreError
from ..._disk.mounts import PROC, mount_number
from ..._disk.syscalls import SystemCalls
from ..base.names import (
    JOURNAL_PARTIAL,
    NOMAD_MARKER,
    PARTIALS,
    RAFT_DB,
    SECOND_NAME,
    WAL_DIR,
    WAL_META,
    WAL_META_LATER,
    is_guard_target,
)
from ..base.store import StoreReader
from ..wal.reader import WalStore
from . import journal, snapshots
from .evidence import Evidence, Snapshot
from .journal import Journal
from .locks import Openers, is_name_of, lock_directory, openers
from .raftdir import StoreFile, backups, locate, wal_kind

FOREIGN = "Neither Nomad nor this collection makes this. Find out what did, and put the plain store here."
LATER = "Nothing is wrong with it. Leave it as it is, and look for a version of this collection that knows it."


class Found:
    """The Raft directory as found: open stores with their locks, and what a refusal has to name."""

    def __init__(self, raft: Directory, change: bool, proc: str = PROC) -> None:
        self.raft = raft
        self.change = change
        self.proc = proc
        self.names: List[str] = raft.names()
        self.raft_db_file: Optional[StoreFile] = None
        self.wal_file: Optional[StoreFile] = None
        self.backup_file: Optional[StoreFile] = None
        self.wal_directory: Optional[Directory] = None
        self.raft_db: Optional[StoreReader] = None
        self.wal: Optional[WalStore] = None
        self.journal: Optional[Journal] = None
        self.snapshots: List[Snapshot] = []
        self.leftovers: List[str] = []
        self.second_name = ""
        self.openers = Openers([], False)
        self.problems: List[StoreError] = []
        self._snapshot_index: Optional[int] = None

    @property
    def backups(self) -> List[str]:
        """Names of old stores, oldest first."""
        return backups(self.names)

    @property
    def has_marker(self) -> bool:
        """Whether the Nomad command's note of an unfinished migration is here."""
        return NOMAD_MARKER in self.names

    def snapshot_index(self) -> int:
        """Last index of the newest snapshot that Raft would open, read in full; 0 without one."""
        if self._snapshot_index is None:
            self._snapshot_index = 0
            for snapshot in self.snapshots:
                try:
                    snapshots.check(self.raft, snapshot)
                except StoreError:
                    continue
                self._snapshot_index = snapshot.index
                break
        return self._snapshot_index

    def files(self) -> List[StoreFile]:
        """All store files that are open."""
        return [file for file in (self.raft_db_file, self.wal_file, self.backup_file) if file is not None]

    def close(self) -> None:
        """Close everything except the Raft directory itself, which gives up the locks."""
        for file in self.files():
            file.close()
        if self.wal_directory is not None:
            self.wal_directory.close()


@contextmanager
def opened(data_dir: str, calls: SystemCalls, proc: str, lock_timeout_s: Optional[float] = None) -> Iterator[Found]:
    """The Raft directory below `data_dir`, to be observed and not to be converted. Raises Refused.

    With `lock_timeout_s` it is locked against other runs before it is looked at: InUse when that takes longer.
    """
    with closing(locate(data_dir, calls)) as raft:
        if lock_timeout_s is not None:
            lock_directory(raft, lock_timeout_s)
        with closing(Found(raft, False, proc)) as found:
            yield found


def observe(found: Found) -> Evidence:
    """Look at all names and locks in the Raft directory; what is in the stores is for `read` (readstores.py)."""
    raft = found.raft
    journal_state, found.journal, error = journal.load(raft, os.geteuid())
    if error is not None and journal_state == journal.UNKNOWN:
        found.problems.append(error)
    found.snapshots = snapshots.list_snapshots(raft)
    found.leftovers = [name for name in (*PARTIALS, JOURNAL_PARTIAL) if name in found.names]
    raft_db, names = _open_raft_db(found)
    wal, place = _open_wal(found)
    _open_backup(found)
    found.openers = openers([file.inode for file in found.files()], found.proc)
    taken = bool(found.openers.pids) or not all(file.free for file in found.files())
    return Evidence(
        raft_db=raft_db,
        wal=wal,
        journal=journal_state,
        leftovers="some" if found.leftovers else "none",
        names=names,
        place=place if _on_one_mount(found) else "foreign",
        store_lock="taken" if taken else "free",
    )


def _open_raft_db(found: Found) -> Tuple[str, str]:
    """(the column raft.db as far as names tell, the column names)."""
    status = found.raft.stat(RAFT_DB)
    if status is None:
        return "-", "one"
    if stat.S_ISLNK(status.st_mode):
        return ("G" if is_guard_target(found.raft.read_link(RAFT_DB)) else "other"), "one"
    if not stat.S_ISREG(status.st_mode):
        return "other", "one"
    file = found.raft_db_file = StoreFile(found.raft, RAFT_DB, found.change)
    kind = "ok" if file.size else "0"
    if file.links == 1:
        return kind, "one"
    others = [name for name in found.names if SECOND_NAME.match(name) and is_name_of(found.raft, name, file.inode)]
    if file.links == 2 and others:
        found.second_name = others[0]
        return kind, "ours"
    return kind, "foreign"


def _open_wal(found: Found) -> Tuple[str, str]:
    """(the column wal as far as names tell, the column place)."""
    status = found.raft.stat(WAL_DIR)
    if status is None:
        return "-", "here"
    if not stat.S_ISDIR(status.st_mode):
        return "bad", _foreign(found, found.raft.path_of(WAL_DIR), "this is not a directory")
    directory = found.wal_directory = found.raft.subdirectory(WAL_DIR)
    kind = wal_kind(directory)
    if kind == "later":
        what = f"a newer Nomad has made this WAL: its metadata is in {WAL_META_LATER}, which is not known here"
        return "bad", _foreign(found, directory.path, what, LATER)
    if kind == "foreign":
        return "bad", _foreign(found, directory.path, "it has a file that is neither a segment nor wal-meta.db")
    if os.fstat(directory.fd).st_dev != os.fstat(found.raft.fd).st_dev:
        return "bad", _foreign(found, directory.path, "it is on another device than the Raft directory")
    if kind == "bad":
        found.problems.append(Corrupt(f"there are segments here, but no {WAL_META}", directory.path))
    if kind == "ok":
        found.wal_file = StoreFile(directory, WAL_META, found.change)
        if found.wal_file.links != 1:
            return "bad", _foreign(found, found.wal_file.path, "this file has a second name")
    return kind, "here"


def _foreign(found: Found, path: str, what: str, hint: str = FOREIGN) -> str:
    found.problems.append(Refused(what, path, hint=hint))
    return "foreign"


def _open_backup(found: Found) -> None:
    """Lock the backup that an open journal names: a server that waited for raft.db may be at work in it."""
    name = found.journal.backup if found.journal is not None and found.journal.phase == journal.OPEN else None
    status = found.raft.stat(name) if name else None
    if name and status is not None and stat.S_ISREG(status.st_mode) and name != found.second_name:
        found.backup_file = StoreFile(found.raft, name, found.change)


def _on_one_mount(found: Found) -> bool:
    places = [(file.fd, file.path) for file in found.files()]
    if found.wal_directory is not None:
        places.append((found.wal_directory.fd, found.wal_directory.path))
    home = mount_number(found.raft.fd, found.proc)
    for fd, path in places:
        if mount_number(fd, found.proc) != home:
            _foreign(found, path, "this is a mount of its own and could not be renamed")
            return False
    return True
