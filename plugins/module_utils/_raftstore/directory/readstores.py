# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the stores, as far as the state table asks: readable, empty, which covers which. Reads only."""

from __future__ import annotations

import stat
from dataclasses import replace
from functools import partial
from typing import Callable, Optional, Tuple, TypeVar

from ..._disk.durable import Directory
from ..._disk.errors import Corrupt, IndexGap, StoreError, Unsupported
from ..base.names import WAL_DIR, WAL_META
from ..base.store import StoreReader
from . import journal
from .covers import EQUAL, RAFT_DB_COVERS, WAL_COVERS, covers, promise, relation
from .evidence import Evidence
from .observe import Found
from .raftdir import StoreFile

UNREADABLE = (Corrupt, Unsupported, IndexGap)
Store = TypeVar("Store", bound=StoreReader)


def read(found: Found, seen: Evidence, workers: int = 1) -> Evidence:
    """The evidence, completed from the content of the stores. Stores that are in use or foreign are not read."""
    if seen.store_lock == "taken" or "foreign" in (seen.place, seen.names) or seen.raft_db == "other":
        return replace(seen, backup="covered", past="recorded")  # only for check mode, which goes by names
    raft_db, wal = seen.raft_db, seen.wal
    if found.raft_db_file is not None:
        found.raft_db, raft_db = _open(found, partial(found.raft_db_file.read_boltdb, workers))
        if found.raft_db is not None and promise(found.raft_db).is_empty:
            raft_db = "0"
    if found.wal_file is not None:
        found.wal, wal = _open(found, found.wal_file.read_wal)
    evidence = replace(seen, raft_db=raft_db, wal=wal)
    if wal == "bad" and _is_marked(found, evidence):
        return replace(evidence, wal="0")  # the Nomad command was killed here and would start over; so do we
    if raft_db in ("ok", "0") and wal == "ok":
        return _compare(found, evidence, workers)
    if raft_db in ("-", "G", "0") and wal in ("-", "0"):
        return replace(evidence, past=_past(found, seen))
    return _with_backup(found, evidence, workers) if raft_db == "G" and wal == "ok" else evidence


def _open(found: Found, reader: Callable[[], Store]) -> Tuple[Optional[Store], str]:
    """(the store, "ok"), or (None, "bad") with the reason among the problems. The last entry is read too."""
    try:
        store = reader()
        promise(store)
    except UNREADABLE as error:
        found.problems.append(error)
        return None, "bad"
    return store, "ok"


def _compare(found: Found, evidence: Evidence, workers: int) -> Evidence:
    if found.raft_db is None or found.wal is None:
        return evidence
    if evidence.raft_db == "0":
        return _with_backup(found, replace(evidence, relation=WAL_COVERS), workers)
    try:
        if _is_marked(found, evidence) and covers(found.raft_db, found.wal, None, found.snapshot_index):
            found.wal = None
            return replace(evidence, wal="0")
        related = relation(found.raft_db, found.wal, found.journal, found.snapshot_index)
    except UNREADABLE as error:  # damage that opening the store does not reach
        found.problems.append(error)
        in_wal = error.path.startswith(found.raft.path_of(WAL_DIR))
        return replace(evidence, wal="bad") if in_wal else replace(evidence, raft_db="bad")
    if related == EQUAL and (found.wal.broken or _ends_below_snapshot(found, found.wal)):
        related = RAFT_DB_COVERS  # Raft could not append to it: convert again
    return _with_backup(found, replace(evidence, relation=related), workers)


def _ends_below_snapshot(found: Found, wal: StoreReader) -> bool:
    """Whether Raft would go on behind a gap, which a WAL refuses (shape.py): a run was killed after it had published
    wal/, and then the server has installed a snapshot, which leaves the log in raft.db as it is.
    """
    newer = any(snapshot.index > wal.last_index for snapshot in found.snapshots)
    return bool(wal.entry_count) and newer and found.snapshot_index() > wal.last_index


def _is_marked(found: Found, evidence: Evidence) -> bool:
    """Whether the Nomad command's marker, beside a sound raft.db, says that wal/ was not finished.

    The command removes its marker only after it has renamed raft.db, and never if it is killed in between. So the
    marker may lie beside a WAL that the server has gone on with, and an old raft.db that was put back by hand. It is
    believed only if wal/ cannot be opened, or has nothing that raft.db lacks.
    """
    return found.has_marker and evidence.raft_db == "ok" and evidence.journal not in (journal.OPEN, journal.DONE)


def _past(found: Found, seen: Evidence) -> str:
    """With no store: whether a snapshot, a journal or a backup records that there was one with a term or entries."""
    if found.snapshots:
        return "recorded"
    blank = "none"
    if found.journal is not None and seen.journal in (journal.OPEN, journal.DONE):
        if not (found.journal.source.is_empty and found.journal.copied.is_empty):
            return "recorded"
        blank = "blank"
    for name in found.backups:
        if not _is_empty_backup(found.raft, name):
            return "recorded"
        blank = "blank"
    return blank


def _is_empty_backup(raft: Directory, name: str) -> bool:
    """Whether this old store is certainly empty; one that cannot be read may hold anything."""
    status = raft.stat(name)
    if status is None:
        return False
    inner = raft.subdirectory(name) if stat.S_ISDIR(status.st_mode) else None
    try:
        file = StoreFile(inner or raft, WAL_META if inner else name, change=False)
        try:
            return promise(file.read_wal() if inner else file.read_boltdb()).is_empty
        finally:
            file.close()
    except StoreError:
        return False
    finally:
        if inner is not None:
            inner.close()


def _with_backup(found: Found, evidence: Evidence, workers: int) -> Evidence:
    """Add the answer about an open journal's backup: a server that waited for its lock may have gone on in it.

    The question is whether the store that counts covers it: raft.db if that covers wal/ (or is equal), else wal/.
    """
    if evidence.journal != journal.OPEN:
        return evidence
    store = found.raft_db if evidence.relation in (EQUAL, RAFT_DB_COVERS) else found.wal
    if found.backup_file is None or store is None:
        return replace(evidence, backup="covered")
    try:
        old = found.backup_file.read_boltdb(workers)
        if covers(store, old, found.journal, found.snapshot_index):
            return replace(evidence, backup="covered")
    except UNREADABLE as error:
        found.problems.append(error)
    return replace(evidence, backup="not covered")
