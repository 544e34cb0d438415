# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps, each with its syncs, in the order of docs/crash-safety.md. Each leaves a state of the table behind it.

A step never replaces a name but in SWITCH, and never removes a store. Steps know nothing of the table.
"""

from __future__ import annotations

import os
import stat
import time
from typing import Callable, Dict

from ...disk.errors import InUse, Refused, StoreError
from ..base.names import (
    GUARD_PARTIAL,
    JOURNAL,
    JOURNAL_PARTIAL,
    NOMAD_MARKER,
    RAFT_DB,
    RAFT_DB_PARTIAL,
    WAL_DIR,
    WAL_META,
    WAL_PARTIAL,
    guard_target,
)
from ..base.store import BOLTDB, WAL
from ..directory import journal
from ..directory.journal import Journal
from ..directory.locks import in_use, is_name_of
from ..directory.raftdir import StoreFile
from ..entries import convert
from ..wal.writer import WalStoreWriter
from . import table
from .backupcopy import copy_file, partial_name, remove_partials
from .run import Run, check_configuration
from .space import MIB
from .stepsback import build_back, copy_wal, put_back, retire_wal, switch_back, unlink_backup


def aside(run: Run, name: str) -> None:
    """Give something that is not ours a name that nothing uses."""
    run.raft.rename(name, run.free_name(name, "superseded"))


def aside_partials(run: Run) -> None:
    """Move partial files that no open journal of ours explains out of the way; a half-written journal is removed."""
    for name in run.found.leftovers:
        if name == JOURNAL_PARTIAL:
            run.raft.remove(name)
        else:
            aside(run, name)


def remove_left(run: Run) -> None:
    """Remove what an interrupted run of ours has left half made. It is never resumed."""
    for name in run.found.leftovers:
        remove_partial(run, name)


def remove_partial(run: Run, name: str) -> None:
    """Remove one of the names of partial files, whatever it is."""
    status = run.raft.stat(name)
    if status is None:
        return
    if stat.S_ISDIR(status.st_mode):
        run.raft.remove_directory(name)
    else:
        run.raft.remove(name)


def unlink_second(run: Run) -> None:
    """A run was killed between link and switch: raft.db and its backup are one file. rename would do nothing then."""
    run.raft.remove(run.found.second_name)


def add_guard(run: Run) -> None:
    """Guard a WAL that has none; symlink cannot replace."""
    run.raft.symlink(guard_target(run.newest_backup), RAFT_DB)


def begin(run: Run) -> None:
    """Write the journal: from here on the partial files are ours."""
    before = run.found.journal
    if before is not None and before.phase == journal.OPEN and run.request.backup_dir:
        remove_partials(run.request.backup_dir, before.run, run.raft.calls)  # only that journal knows its run's id
    run.journal_before = journal.read_raw(run.raft) if before is not None else None
    run.began = True
    journal.write(run.raft, journal.render(_journal(run, journal.OPEN)))


def _journal(run: Run, phase: str) -> Journal:
    if run.request.backend == BOLTDB:
        backup = run.superseded if table.LINK_SUPERSEDED in run.steps else run.retired_wal
        return Journal(phase, BOLTDB, run.run_id, backup, run.source, run.copied, 0, run.request.origin)
    dropped = run.shape.dropped_entries
    return Journal(phase, WAL, run.run_id, run.second_name, run.source, run.copied, dropped, run.request.origin)


def build(run: Run) -> None:
    """Make wal.partial/ complete: segments, wal-meta.db, then the directory synced; lock it; read all of it back."""
    source = run.found.raft_db
    if source is None:
        raise StoreError("the source store is not open", run.raft.path)
    attributes = run.attributes()
    started = time.monotonic()
    run.new_directory = run.raft.make_directory(WAL_PARTIAL, attributes.for_directory())
    segment_len = run.request.wal_segment_size * MIB
    writer = WalStoreWriter(run.new_directory, segment_len, attributes, os.sysconf("SC_PAGE_SIZE"), _ns(run.clock))
    extents, workers = run.shape.kept, run.workers()
    report = convert.convert(source, writer, extents, source.stable(), workers, run.request.progress)
    built = time.monotonic()
    run.new_file = StoreFile(run.new_directory, WAL_META, change=True)
    if not run.new_file.free:
        raise InUse("another process has locked the new store before it was published", run.new_file.path)
    run.new_wal = run.new_file.read_wal()
    run.outcome.verified = convert.verify(source, run.new_wal, extents, workers, run.request.progress)
    run.outcome.bytes_read, run.outcome.bytes_written = report.bytes_read, report.bytes_written
    run.outcome.elapsed.update(convert=round(built - started, 3), verify=round(time.monotonic() - built, 3))


def _ns(clock: Callable[[], float]) -> Callable[[], int]:
    return lambda: int(clock() * 1_000_000_000)


def copy(run: Run) -> None:
    """A full, compared copy of the old store in another directory."""
    file = run.found.raft_db_file
    if file is not None and run.request.backup_dir:
        name, partial = f"{RAFT_DB}.migrated.{run.stamp}", partial_name(RAFT_DB, run.run_id)
        copy_file(file.fd, file.path, run.request.backup_dir, name, partial, run.raft.calls)


def publish(run: Run) -> None:
    """Give the new store its name. The old one is still the one that counts."""
    run.raft.rename_nosync(WAL_PARTIAL, WAL_DIR)
    run.committed = True
    run.raft.sync()


def configuration(run: Run) -> None:
    """Read the agent's configuration anew: with another backend than wal Nomad could not start after the switch."""
    check_configuration(run)


def link(run: Run) -> None:
    """Give the old store the second name under which it stays; nobody else may have it open."""
    file = run.found.raft_db_file
    pids = run.others(file)
    if pids:
        raise in_use(pids, run.raft.path_of(RAFT_DB), run.found.proc)
    if file is None or not is_name_of(run.raft, RAFT_DB, file.inode):
        raise Refused("raft.db has been replaced during the run", run.raft.path_of(RAFT_DB), hint="Run it again.")
    run.committed = True
    run.raft.link(RAFT_DB, run.second_name)


def switch(run: Run) -> None:
    """The switch: one rename puts the guard over raft.db. Before it the old store counts, after it the new one."""
    run.committed = True
    run.raft.symlink_nosync(guard_target(run.second_name), GUARD_PARTIAL)
    run.raft.replace(GUARD_PARTIAL, RAFT_DB)


def look_again(run: Run) -> None:
    """A server that waits for our lock has the old file open and would go on in it: give it back its name."""
    pids = run.others(run.found.raft_db_file)
    if pids:
        run.raft.replace(run.second_name, RAFT_DB)
        raise in_use(pids, run.raft.path_of(RAFT_DB), run.found.proc)


def finish(run: Run) -> None:
    """Close the journal. The stores are in place already, so that a failure is only worth a warning."""
    before = run.found.journal
    note = _journal(run, journal.DONE) if run.began or before is None else before._replace(phase=journal.DONE)
    try:
        journal.write(run.raft, journal.render(note))
    except StoreError as error:
        run.outcome.warnings.append(f"the conversion is complete, but its journal could not be closed: {error}")


def undo_preparation(run: Run) -> None:
    """After a failure before anything was published, linked or switched: put the directory back.

    Later the journal must stay: it alone names the file in which a server that waits would go on. What fails here is
    left to a re-run.
    """
    try:
        for name in (WAL_PARTIAL, RAFT_DB_PARTIAL, JOURNAL_PARTIAL):
            remove_partial(run, name)
        if run.journal_before is not None:
            journal.write(run.raft, run.journal_before)
        else:
            remove_partial(run, JOURNAL)
    except StoreError:
        return


STEPS: Dict[str, Callable[[Run], None]] = {
    table.ASIDE_JOURNAL: lambda run: aside(run, JOURNAL),
    table.ASIDE_PARTIALS: aside_partials,
    table.REMOVE_PARTIALS: remove_left,
    table.UNLINK_SECOND: unlink_second,
    table.ASIDE_MARKER: lambda run: aside(run, NOMAD_MARKER),
    table.ASIDE_WAL: lambda run: aside(run, WAL_DIR),
    table.ADD_GUARD: add_guard,
    table.BEGIN: begin,
    table.BUILD: build,
    table.BUILD_BACK: build_back,
    table.PUT_BACK: put_back,
    table.COPY: copy,
    table.COPY_WAL: copy_wal,
    table.PUBLISH: publish,
    table.CONFIGURATION: configuration,
    table.LINK_BACKUP: link,
    table.LINK_SUPERSEDED: link,
    table.SWITCH: switch,
    table.SWITCH_BACK: switch_back,
    table.LOOK_AGAIN: look_again,
    table.RETIRE_WAL: retire_wal,
    table.UNLINK_BACKUP: unlink_backup,
    table.FINISH: finish,
}
