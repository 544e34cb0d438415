# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that only the way back to BoltDB has; the others, and their rules, are in steps.py."""

from __future__ import annotations

import os
import stat
import time
from typing import Optional

from ...disk.errors import InUse, Refused, StoreError
from ..base.names import RAFT_DB, RAFT_DB_PARTIAL, WAL_DIR, is_guard_target
from ..boltdb.writer import BoltStoreWriter
from ..directory.locks import in_use, is_name_of
from ..directory.raftdir import StoreFile
from ..entries import convert
from .backupcopy import copy_directory, partial_name
from .run import Run


def build_back(run: Run) -> None:
    """Make raft.db.partial complete: pages, then metas, each synced; lock it; read all of it back."""
    source = run.found.wal
    if source is None:
        raise StoreError("the source store is not open", run.raft.path)
    extents, workers = source.extents(), run.workers()
    started = time.monotonic()
    writer = BoltStoreWriter(run.raft, RAFT_DB_PARTIAL, os.sysconf("SC_PAGE_SIZE"), run.attributes())
    try:
        report = convert.convert(source, writer, extents, source.stable(), workers, run.request.progress)
    finally:
        writer.close()
    built = time.monotonic()
    run.new_file = StoreFile(run.raft, RAFT_DB_PARTIAL, change=True)
    if not run.new_file.free:
        raise InUse("another process has locked the new store before it was published", run.new_file.path)
    made = run.new_file.read_boltdb(workers)
    run.outcome.verified = convert.verify(source, made, extents, workers, run.request.progress)
    run.outcome.bytes_read, run.outcome.bytes_written = report.bytes_read, report.bytes_written
    run.outcome.elapsed.update(convert=round(built - started, 3), verify=round(time.monotonic() - built, 3))


def put_back(run: Run) -> None:
    """Give the old raft.db, which has been found to cover wal/, the name under which it is switched to."""
    _same_file(run, run.old_name, run.old_file)
    run.raft.link(run.old_name, RAFT_DB_PARTIAL)


def copy_wal(run: Run) -> None:
    """A full, compared copy of wal/ in another directory."""
    directory = run.found.wal_directory
    if directory is not None and run.request.backup_dir:
        name, partial = f"{WAL_DIR}.migrated.{run.stamp}", partial_name(WAL_DIR, run.run_id)
        copy_directory(directory, run.request.backup_dir, name, partial)


def switch_back(run: Run) -> None:
    """The switch: one rename puts the new raft.db over the guard, or over a store that wal/ covers and that is linked.

    Nobody else may have the WAL open, or what stands under the name raft.db.
    """
    pids = run.others(run.found.wal_file, run.found.raft_db_file, run.new_file, run.old_file)
    if pids:
        raise in_use(pids, run.raft.path_of(WAL_DIR), run.found.proc)
    _same_file(run, RAFT_DB_PARTIAL, run.new_file or run.old_file)
    status = run.raft.stat(RAFT_DB)
    if status is None or not stat.S_ISLNK(status.st_mode) or not is_guard_target(run.raft.read_link(RAFT_DB)):
        _same_file(run, RAFT_DB, run.found.raft_db_file)
    linked, run.committed = run.committed, True
    try:
        run.raft.replace(RAFT_DB_PARTIAL, RAFT_DB)
    except StoreError:
        run.committed = linked or run.raft.stat(RAFT_DB_PARTIAL) is None  # then it was not the rename that failed
        raise


def _same_file(run: Run, name: str, file: Optional[StoreFile]) -> None:
    if file is None or not is_name_of(run.raft, name, file.inode):
        raise Refused(f"{name} has been replaced during the run", run.raft.path_of(name), hint="Run it again.")


def retire_wal(run: Run) -> None:
    """raft.db has all that wal/ has: keep wal/ under the name of a backup.

    Where that fails, a server that waits for our lock would go on in wal/; with the name gone it finds no segments.
    """
    try:
        run.raft.rename(WAL_DIR, run.retired_wal)
    except StoreError as error:
        if not run.committed:
            raise
        pids = run.others(run.found.wal_file)
        if pids:
            raise in_use(pids, run.raft.path_of(WAL_DIR), run.found.proc) from error
        run.outcome.backup = run.raft.path_of(WAL_DIR)
        run.outcome.warnings.append(f"the store is raft.db now, but wal/ could not be renamed: {error}")


def unlink_backup(run: Run) -> None:
    """The backup that was put back is raft.db now; its old name goes. Both names are one file."""
    try:
        run.raft.remove(run.old_name)
    except StoreError as error:
        run.outcome.warnings.append(f"the store is raft.db now, but has a second name: {error}")
