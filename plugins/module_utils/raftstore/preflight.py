# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that can be refused is refused before anything is changed: rights, space, shape of the log, configuration."""

from __future__ import annotations

import os

from . import snapshots, table
from .backupcopy import check_directory
from .errors import NoSpace, Refused
from .holds import promise
from .journal import Promise
from .run import Run
from .shape import choose
from .steps import MIB, check_configuration
from .store import StoreReader

SEGMENT_MIB = range(1, 2048)
META_LEN = 1 << 18  # room for wal-meta.db, the journal and directory blocks
CHANGE_SETTING = (
    'Before Nomad is started, its configuration must say server { raft_logstore { backend = "wal" } }; '
    "config_path was not given, so that this was not checked."
)


def check_request(backend: str, wal_segment_size: int, data_dir: str) -> None:
    """Raises Refused for values that no Nomad could work with."""
    if backend not in ("wal", "boltdb"):
        raise Refused(f"there is no backend {backend}", data_dir, hint="Use wal or boltdb.")
    if wal_segment_size not in SEGMENT_MIB:
        raise Refused(
            f"wal_segment_size is {wal_segment_size} MB", data_dir,
            hint="Use 1 to 2047: with other values a running WAL breaks at its first rotation.",
        )  # fmt: skip


def prepare(run: Run) -> None:
    """Compute what the steps need, and refuse what cannot end well. Changes nothing."""
    for store in (run.found.raft_db, run.found.wal):
        run.outcome.warnings.extend(getattr(store, "notes", []))
    if not run.steps:
        return
    _check_rights(run)
    if table.BUILD in run.steps:
        _prepare_build(run)
    elif run.found.raft_db is not None and run.found.wal is not None:
        _note_both(run, run.found.raft_db, run.found.wal)
    if run.request.backup_dir and table.COPY in run.steps and run.found.raft_db_file is not None:
        check_directory(run.request.backup_dir, run.raft, run.found.raft_db_file.size)
    if table.SWITCH not in run.steps:
        return
    if run.request.effective_backend is None:
        run.outcome.warnings.append(CHANGE_SETTING)
    elif run.request.check:
        _warn_configuration(run)
    else:
        check_configuration(run)


def required_bytes(live_len: int, wal_segment_size: int) -> int:
    """Free space that a conversion asks for: all entries, the metadata, and the segment that Nomad allocates next."""
    return live_len + wal_segment_size * MIB + META_LEN


def _check_rights(run: Run) -> None:
    user = os.geteuid()
    owners = {os.fstat(file.fd).st_uid for file in run.found.files()}
    if user != 0 and owners - {user}:
        raise Refused("only root or the owner of the store may convert it", run.raft.path, hint="Use become: true.")
    if run.found.openers.unseen:
        run.outcome.warnings.append(
            "Some processes could not be looked at, so that only the locks prove that Nomad is stopped. "
            "Run as root to be sure."
        )


def _prepare_build(run: Run) -> None:
    source = run.found.raft_db
    if source is None:  # in use, in check mode
        return
    run.shape = choose(
        source.extents(), run.found.snapshots, lambda snapshot: snapshots.check(run.raft, snapshot), source.path
    )
    run.source = promise(source)
    kept = run.shape.kept
    run.copied = run.source._replace(first_index=kept[0].first_index) if kept else Promise(*source.stable())
    if run.shape.dropped_entries and run.shape.snapshot is not None:
        run.outcome.warnings.append(
            f"{run.shape.dropped_entries} entries are not copied: a WAL cannot have a hole, and the snapshot "
            f"{run.shape.snapshot.id}, which was checked, covers everything up to index {run.shape.snapshot.index}."
        )
    _check_space(run, sum(extent.data_len for extent in kept))


def _check_space(run: Run, live_len: int) -> None:
    required = required_bytes(live_len, run.request.wal_segment_size)
    available = run.raft.free_bytes()
    if run.request.backup_dir and run.found.raft_db_file is not None:
        device, _free = check_directory(run.request.backup_dir, run.raft, 0)
        if device == os.fstat(run.raft.fd).st_dev:
            required += run.found.raft_db_file.size
    if available < required:
        raise NoSpace(
            f"the conversion needs {required} bytes, one more segment for Nomad included, and {available} are free",
            run.raft.path,
            hint="Free some space or use a smaller wal_segment_size, also in the server's configuration.",
        )


def _note_both(run: Run, raft_db: StoreReader, wal: StoreReader) -> None:
    source, target = (wal, raft_db) if run.request.backend == "boltdb" else (raft_db, wal)
    run.source, run.copied = promise(source), promise(target)


def _warn_configuration(run: Run) -> None:
    try:
        check_configuration(run)
    except Refused as error:
        run.outcome.warnings.append(str(error))
