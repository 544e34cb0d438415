# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that can be refused is refused before anything is changed: rights, space, shape of the log, configuration."""

from __future__ import annotations

import os

from ..._disk.errors import NoSpace, Refused
from ..._disk.segmentsize import SEGMENT_MIB, SEGMENT_SIZES
from ..._text.sizes import human
from ..base.store import BOLTDB, WAL, StoreReader
from ..directory import snapshots
from ..directory.covers import promise
from ..directory.journal import Promise
from ..directory.raftdir import files_len
from ..directory.shape import Shape, choose
from . import reuse, table
from .backupcopy import check_directory
from .request import Request
from .run import Run, check_configuration
from .space import BOLTDB_GROWTH, estimated_bytes_back, required_bytes, required_bytes_back

CHANGE_SETTING = (
    'Before Nomad is started, its configuration must say server { raft_logstore { backend = "wal" } }; '
    "config_path was not given, so this was not checked."
)
CHANGE_BACK = (
    'Before Nomad is started, its configuration must say server { raft_logstore { backend = "boltdb" } }, or have no '
    "such block; with backend = wal it refuses to start."
)


def check_request(request: Request) -> None:
    """Raises Refused for values that no Nomad could work with, and for numbers that mean nothing."""
    if request.backend not in (WAL, BOLTDB):
        raise Refused(f"there is no backend {request.backend}", request.data_dir, hint="Use wal or boltdb.")
    if request.wal_segment_size not in SEGMENT_MIB:
        raise Refused(
            f"wal_segment_size is {request.wal_segment_size} MB", request.data_dir,
            hint=f"Use {SEGMENT_SIZES}: with other values a running WAL breaks at its first rotation.",
        )  # fmt: skip
    if request.workers < 0:
        what = f"there cannot be {request.workers} workers"
        raise Refused(what, request.data_dir, hint="Give the number of workers, or 0 for one on each core.")
    if request.lock_timeout_s < 0:
        what = f"lock_timeout is {request.lock_timeout_s:g} seconds"
        raise Refused(what, request.data_dir, hint="Give the seconds to wait for another run, or 0 for none.")


def prepare(run: Run) -> None:
    """Compute what the steps need, and refuse what cannot end well. Changes nothing."""
    for store in (run.found.raft_db, run.found.wal):
        run.outcome.warnings.extend(getattr(store, "notes", []))
    if not run.steps:
        return
    _check_rights(run)
    copied = _check_copy(run)
    if table.BUILD in run.steps:
        _prepare_build(run, copied)
    elif table.BUILD_BACK in run.steps:
        _prepare_back(run, copied)
    elif run.found.raft_db is not None and run.found.wal is not None:
        _note_both(run, run.found.raft_db, run.found.wal)
    if table.SWITCH_BACK in run.steps and run.request.effective_backend is None:
        run.outcome.warnings.append(CHANGE_BACK)
    if table.SWITCH not in run.steps:
        return
    if run.request.effective_backend is None:
        run.outcome.warnings.append(CHANGE_SETTING)
    elif run.request.check:
        _warn_configuration(run)
    else:
        check_configuration(run)


def _check_rights(run: Run) -> None:
    user = os.geteuid()
    owners = {os.fstat(file.fd).st_uid for file in run.found.files()}
    if user != 0 and owners - {user}:
        raise Refused("only root or the owner of the store may convert it", run.raft.path, hint="Use become: true.")
    if run.found.openers.unseen:
        run.outcome.warnings.append(
            "Some processes could not be inspected, so only the locks prove that Nomad is stopped. "
            "Run as root to be sure."
        )


def _prepare_build(run: Run, copied: int) -> None:
    source = run.found.raft_db
    hint = "Free some space or use a smaller wal_segment_size, also in the server's configuration."
    if source is None:  # in use, in check mode
        least = required_bytes(0, run.request.wal_segment_size) + copied
        run.outcome.estimated_bytes = least + _raft_db_len(run)
        _check_space(run, least, "the entries not counted", hint)
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
    length = sum(extent.data_len for extent in kept)
    needed = required_bytes(length, run.request.wal_segment_size) + copied
    run.outcome.required_bytes = run.outcome.estimated_bytes = needed
    _check_space(run, needed, "one more segment for Nomad included", hint)


def _prepare_back(run: Run, copied: int) -> None:
    """Choose between converting and putting the backup back. Nothing is dropped on this way."""
    source = run.found.wal
    left_out = [table.PUT_BACK, table.UNLINK_BACKUP]
    if source is not None:
        run.shape = Shape(source.extents(), 0, None)
        run.source = run.copied = promise(source)
        if table.LINK_SUPERSEDED in run.steps and run.found.raft_db is not None:
            # The journal that is overwritten may be the only proof that wal/ covers this raft.db: the new one says it.
            run.source = promise(run.found.raft_db)
        if table.PUT_BACK in run.steps and reuse.find(run):
            left_out = [table.BUILD_BACK]
    run.steps = tuple(step for step in run.steps if step not in left_out)
    if source is None:  # in use, in check mode
        run.outcome.estimated_bytes = estimated_bytes_back(_wal_len(run)) + copied
    else:
        needed = required_bytes_back(source.live_len, source.entry_count, os.sysconf("SC_PAGE_SIZE"))
        needed = copied + (needed if table.BUILD_BACK in run.steps else BOLTDB_GROWTH)
        run.outcome.required_bytes = run.outcome.estimated_bytes = needed
        _check_space(run, needed, "what Nomad's first writes take included", "Free some space, then run again.")


def _check_copy(run: Run) -> int:
    """Bytes that the copy in backup_dir takes of the Raft directory's own file system. Raises Refused or NoSpace."""
    if not run.request.backup_dir or not {table.COPY, table.COPY_WAL} & set(run.steps):
        return 0
    length = _copy_len(run)
    device, _free = check_directory(run.request.backup_dir, run.raft, length)
    return length if device == os.fstat(run.raft.fd).st_dev else 0


def _copy_len(run: Run) -> int:
    """Bytes that the copy in backup_dir takes."""
    return _raft_db_len(run) if table.COPY in run.steps else _wal_len(run)


def _raft_db_len(run: Run) -> int:
    return run.found.raft_db_file.size if run.found.raft_db_file is not None else 0


def _wal_len(run: Run) -> int:
    return files_len(run.found.wal_directory) if run.found.wal_directory is not None else 0


def _check_space(run: Run, required: int, included: str, hint: str) -> None:
    available = run.raft.free_bytes()
    if available < required:
        what = f"the conversion needs {human(required)}, {included}, and {human(available)} are free, "
        what += f"{human(required - available)} too little"
        raise NoSpace(what, run.raft.path, hint=hint)


def _note_both(run: Run, raft_db: StoreReader, wal: StoreReader) -> None:
    source, target = (wal, raft_db) if run.request.backend == BOLTDB else (raft_db, wal)
    run.source, run.copied = promise(source), promise(target)


def _warn_configuration(run: Run) -> None:
    try:
        check_configuration(run)
    except Refused as error:
        run.outcome.warnings.append(str(error))
