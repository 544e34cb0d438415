# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on one host's disk, for raft_store_info. Reads only."""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import Any, Dict, Optional

from ..disk.durable import Directory
from ..disk.errors import StoreError, unreadable
from ..disk.mounts import PROC
from ..disk.syscalls import REAL
from .base.names import HOLD
from .base.store import BOLTDB, WAL, StoreReader
from .conversion import table
from .conversion.outcome import stable_values
from .conversion.refusals import refusal
from .conversion.request import Request
from .conversion.space import DEFAULT_SEGMENT_MIB, required_bytes
from .directory import snapshots
from .directory.covers import WAL_COVERS
from .directory.evidence import Evidence
from .directory.locks import in_use
from .directory.observe import Found
from .directory.raftdir import node_id
from .directory.shape import choose, holes
from .entries import convert
from .migrate import opened

UNREAD = (
    "The server is running, so that its store was not read: whether its log can be brought to a WAL is unknown "
    "until it is stopped. As raft.db is now, at most {} bytes are needed for that, and {} are free."
)
UNREAD_BOTH = (
    "There are both raft.db and wal/, and the server is running: "
    "which of them has all that the other has is unknown until it is stopped."
)


def describe(data_dir: str, digest: bool = False, verify: bool = False, proc: str = PROC) -> Dict[str, Any]:
    """The `raft_store` result of raft_store_info, every key of its RETURN (`digest` only when asked for).

    A store in use is reported with `in_use` true and null numbers; with `digest` or `verify` it raises InUse. Other
    raises: Refused when there is no Raft directory below `data_dir`; from `verify` and `digest` Corrupt, and what the
    state is refused with where no store has everything.
    """
    try:
        with opened(Request(data_dir, workers=1, check=True), REAL, proc) as (found, evidence):
            return _describe(found, evidence, digest, verify)
    except OSError as error:
        raise unreadable(error, data_dir) from error


def _describe(found: Found, evidence: Evidence, digest: bool, verify: bool) -> Dict[str, Any]:
    busy = evidence.store_lock == "taken"
    if busy and (digest or verify):
        raise in_use(found.openers.pids, found.raft.path, found.proc)
    row = table.classify(replace(evidence, store_lock="free", run_lock="free"))
    counts = _counts(row, evidence)
    backend = None if row.state == "both" and counts == WAL else counts  # raft.db is there, so that Nomad opens that
    store = found.raft_db if counts == BOLTDB else found.wal if counts == WAL else None
    result: Dict[str, Any] = {
        "raft_dir": found.raft.path,
        "node_id": node_id(found.raft),
        "state": table.state_of(row, evidence),
        "in_use": busy,
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
        "available_bytes": found.raft.free_bytes(),
    }
    result.update(_numbers(store))
    result.update(_prospect(found, row, result["state"], backend, store, result["available_bytes"]))
    if digest or verify:
        if store is None and row.state != "empty":
            raise refusal(row.number, found)
        value = convert.digest(store) if store is not None else None  # reading it all checks it all
        result.update({"digest": value} if digest else {})
    return result


def _counts(row: table.Row, evidence: Evidence) -> Optional[str]:
    """The backend whose store has everything; None when there is none of which that can be said."""
    if row.state in (BOLTDB, WAL):
        return row.state
    if row.state != "both":
        return None
    return WAL if evidence.relation == WAL_COVERS else BOLTDB


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


def _prospect(
    found: Found, row: table.Row, state: str, backend: Optional[str], store: Optional[StoreReader], available: int
) -> Dict[str, Any]:
    """Whether the store can be brought to WAL, once Nomad is stopped, and what stands against it."""
    problems = list(getattr(store, "notes", []))
    required: Optional[int] = None
    unread = row is table.UNLISTED and state == "both"  # the table asks what is in them, which is for after the stop
    migratable = row.to_wal != table.REFUSE or unread
    if unread:
        problems.append(UNREAD_BOTH)
    elif not migratable:
        problems.append(str(refusal(row.number, found)))
    if backend == BOLTDB and store is None and found.raft_db_file is not None:  # in use
        least = required_bytes(0, DEFAULT_SEGMENT_MIB)
        if available < least:
            migratable = False
            problems.append(f"The conversion needs {least} bytes and what the entries take, and {available} are free.")
        problems.append(UNREAD.format(least + found.raft_db_file.size, available))
    elif backend == BOLTDB and store is not None and table.BUILD in row.to_wal:
        try:
            kept = choose(
                store.extents(), found.snapshots, lambda snapshot: snapshots.check(found.raft, snapshot), store.path
            ).kept
            required = required_bytes(sum(extent.data_len for extent in kept), DEFAULT_SEGMENT_MIB)
            if available < required:
                migratable = False
                problems.append(f"The conversion needs {required} bytes, and {available} are free.")
        except StoreError as error:
            migratable = False
            problems.append(str(error))
    return {"required_bytes": required, "migratable": migratable, "problems": problems}


def _size(found: Found, backend: Optional[str]) -> Optional[int]:
    if backend == BOLTDB and found.raft_db_file is not None:
        return found.raft_db_file.size
    if found.wal_directory is None:
        return None
    return sum(_file_size(found.wal_directory, name) for name in found.wal_directory.names())


def _file_size(directory: Directory, name: str) -> int:
    status = directory.stat(name)
    return status.st_size if status is not None and stat.S_ISREG(status.st_mode) else 0
