# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on one host's disk, for raft_store_info. Reads only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional

from .._disk.errors import unreadable
from .._disk.mounts import PROC
from .._disk.segmentsize import DEFAULT_SEGMENT_MIB
from .._disk.syscalls import REAL
from .base.names import HOLD
from .base.store import BOLTDB, WAL, StoreReader
from .conversion import table
from .conversion.outcome import stable_values
from .conversion.refusals import refusal
from .conversion.request import Request
from .directory.covers import WAL_COVERS
from .directory.evidence import Evidence
from .directory.locks import in_use
from .directory.observe import Found
from .directory.raftdir import files_len, node_id
from .directory.shape import holes
from .entries import convert
from .migrate import locked
from .prospect import prospects


def describe(
    data_dir: str,
    digest: bool = False,
    verify: bool = False,
    proc: str = PROC,
    backend: Optional[str] = None,
    wal_segment_size: int = DEFAULT_SEGMENT_MIB,
    backup_dir: Optional[str] = None,
) -> Dict[str, Any]:
    """The `raft_store` result of raft_store_info, every key of its RETURN but `held` (`digest` only when asked for).

    A conversion to WAL is always examined; one to `backend` also fills `refusal` and `estimated_bytes`.

    A store in use is reported with `in_use` true and null numbers; with `digest` or `verify` it raises InUse. Other
    raises: Refused when there is no Raft directory below `data_dir`; from `verify` and `digest` Corrupt, and what the
    state is refused with where no store has everything.
    """
    request = Request(data_dir, wal_segment_size=wal_segment_size, backup_dir=backup_dir, check=True)
    try:
        with locked(replace(request, workers=1), REAL, proc) as (found, evidence):
            row = table.classify(replace(evidence, store_lock="free", run_lock="free"))
            store = _store(found, row, evidence)
            result = _describe(found, evidence, row, store)
            result.update(prospects(request, backend, found, evidence, getattr(store, "notes", [])))
            if digest or verify:
                value = _digest(found, evidence, row, store)
                result.update({"digest": value} if digest else {})
            return result
    except OSError as error:
        raise unreadable(error, data_dir) from error


def _describe(found: Found, evidence: Evidence, row: table.Row, store: Optional[StoreReader]) -> Dict[str, Any]:
    counts = _counts(row, evidence)
    backend = None if row.state == "both" and counts == WAL else counts  # raft.db is there, so Nomad opens it
    result: Dict[str, Any] = {
        "raft_dir": found.raft.path,
        "node_id": node_id(found.raft),
        "state": table.state_of(row, evidence),
        "in_use": evidence.store_lock == "taken",
        "guarded": evidence.raft_db == "G",
        "interrupted": evidence.journal == "open",
        "interrupted_by": found.journal.origin if found.journal is not None and evidence.journal == "open" else "",
        "hold": HOLD in found.names,
        "backend": backend,
        "size": _size(found, backend),
        "snapshots": [
            {"id": snapshot.id, "index": snapshot.index, "term": snapshot.term, "size": snapshot.size}
            for snapshot in found.snapshots
        ],
        "backups": found.backups,
    }
    result.update(_numbers(store))
    return result


def _digest(found: Found, evidence: Evidence, row: table.Row, store: Optional[StoreReader]) -> Optional[str]:
    """The digest of the store that has everything, None when there never was one. Reading it all checks it all."""
    if evidence.store_lock == "taken":
        raise in_use(found.openers.pids, found.raft.path, found.proc)
    if store is None and row.state != "empty":
        raise refusal(row.number, found)
    return convert.digest(store) if store is not None else None


def _counts(row: table.Row, evidence: Evidence) -> Optional[str]:
    """The backend whose store has everything; None if that cannot be decided."""
    if row.state in (BOLTDB, WAL):
        return row.state
    if row.state != "both":
        return None
    return WAL if evidence.relation == WAL_COVERS else BOLTDB


def _store(found: Found, row: table.Row, evidence: Evidence) -> Optional[StoreReader]:
    """The store of that backend; None also while it is in use."""
    counts = _counts(row, evidence)
    return found.raft_db if counts == BOLTDB else found.wal if counts == WAL else None


def _numbers(store: Optional[StoreReader]) -> Dict[str, Any]:
    if store is None:
        return dict.fromkeys(("first_index", "last_index", "entries", "gaps", "stable", "page_size", "segments"))
    extents = store.extents()
    return {
        "first_index": store.first_index,
        "last_index": store.last_index,
        "entries": store.entry_count,
        "gaps": [{"first": first, "last": last} for first, last in holes(extents)],
        "stable": stable_values(store.stable()),
        "page_size": getattr(store, "page_size", None),
        "segments": len(extents) if store.encoding == "binary" else None,
    }


def _size(found: Found, backend: Optional[str]) -> Optional[int]:
    if backend == BOLTDB and found.raft_db_file is not None:
        return found.raft_db_file.size
    if found.wal_directory is None:
        return None
    return files_len(found.wal_directory)
