# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the old raft.db can simply be put back: only if a full comparison shows that it has all that wal/ has.

That is so if nothing has happened on the WAL: no vote, no new term, no entry. If anything rules it out (another
process has the file open, it cannot be read, it has a second name), that is not an error: the WAL is converted.
"""

from __future__ import annotations

import stat
from typing import Optional

from ..._disk.errors import StoreError
from ..._disk.mounts import mount_number
from ..base.names import SECOND_NAME
from ..base.store import StoreReader
from ..directory.covers import covers
from ..directory.raftdir import StoreFile
from ..entries import convert
from .run import Run


def find(run: Run) -> bool:
    """Whether it can be put back. If so, `run.old_file` is the backup that the journal names, and locked."""
    run.old_file = _open(run)
    try:
        run.old_store = _whole(run, run.old_file) if run.old_file is not None else None
    except StoreError:
        run.old_store = None
    if run.old_store is None and run.old_file is not None:
        run.old_file.close()
        run.old_file = None
    return run.old_store is not None


def _open(run: Run) -> Optional[StoreFile]:
    found = run.found
    if found.backup_file is not None:
        return found.backup_file
    name = found.journal.backup if found.journal is not None else None
    status = found.raft.stat(name) if name and SECOND_NAME.match(name) else None
    if name is None or status is None or not stat.S_ISREG(status.st_mode):
        return None
    try:
        return StoreFile(found.raft, name, found.change)
    except StoreError:
        return None


def _whole(run: Run, file: StoreFile) -> Optional[StoreReader]:
    """The store in the backup if it has all that wal/ has, each entry compared. Raises StoreError when it is damaged.

    An empty WAL says nothing about the entries of a backup: it may have been emptied since.
    """
    found, wal = run.found, run.found.wal
    alone = file.free and file.links == 1 and not run.others(file)
    if wal is None or not alone or mount_number(file.fd, found.proc) != mount_number(found.raft.fd, found.proc):
        return None
    store = file.read_boltdb(run.workers())
    if store.entry_count and not wal.entry_count:
        return None
    if not covers(store, wal, found.journal, found.snapshot_index):
        return None
    return store if convert.includes(store, wal, run.workers(), run.request.progress) else None
