# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps: what each does, with its syncs, its sentence in a plan, and its effect on the names. All are in EACH.

Each leaves a state of the table behind it. Only a switch, or undoing one, replaces a name; no step removes a store.
Steps know their own names and nothing else of the table.
"""

from __future__ import annotations

import stat
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ..._disk.errors import Refused, StoreError
from ..base.names import (
    GUARD_PARTIAL,
    JOURNAL,
    JOURNAL_PARTIAL,
    NOMAD_MARKER,
    RAFT_DB,
    RAFT_DB_PARTIAL,
    WAL_DIR,
    WAL_PARTIAL,
    guard_target,
    is_guard_target,
)
from ..base.store import BOLTDB
from ..directory import journal
from ..directory.journal import Journal
from ..directory.locks import in_use, is_name_of
from ..directory.raftdir import StoreFile
from . import table
from .backupcopy import copy_directory, copy_file, partial_name, remove_partials
from .build import TO_BOLTDB, TO_WAL, build
from .run import Run, check_configuration

Effect = Sequence[Tuple[str, str]]
"""What becomes of names in a listing: (old, new) for a rename, (old, "") for a removal, ("", line) for a new line."""


def aside(run: Run, name: str) -> None:
    """Give something that is not ours a name that nothing uses."""
    run.raft.rename(name, run.aside_name(name))


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


def begin(run: Run) -> None:
    """Write the journal: from here on the partial files are ours."""
    before = run.found.journal
    if before is not None and before.phase == journal.OPEN and run.request.backup_dir:
        remove_partials(run.request.backup_dir, before.run, run.raft.calls)  # only that journal knows its run's id
    run.journal_before = journal.read_raw(run.raft) if before is not None else None
    run.began = True
    journal.write(run.raft, journal.render(_journal(run, journal.OPEN)))


def _journal(run: Run, phase: str) -> Journal:
    keeps_wal = run.request.backend == BOLTDB and table.LINK_SUPERSEDED not in run.steps
    backup, dropped = run.retired_wal if keeps_wal else run.second_name, run.shape.dropped_entries
    return Journal(phase, run.request.backend, run.run_id, backup, run.source, run.copied, dropped, run.request.origin)


def copy(run: Run, name: str) -> None:
    """A full, compared copy of the old store, which has this name, in another directory."""
    backup_dir, file, directory = run.request.backup_dir, run.found.raft_db_file, run.found.wal_directory
    made, partial = f"{name}.migrated.{run.stamp}", partial_name(name, run.run_id)
    if backup_dir and name == RAFT_DB and file is not None:
        copy_file(file.fd, file.path, backup_dir, made, partial, run.raft.calls)
    if backup_dir and name == WAL_DIR and directory is not None:
        copy_directory(directory, backup_dir, made, partial)


def publish(run: Run) -> None:
    """Give the new store its name. The old one is still the one that counts."""
    run.raft.rename_nosync(WAL_PARTIAL, WAL_DIR)
    run.committed = True
    run.raft.sync()


def link(run: Run) -> None:
    """Give the old store the second name under which it stays; nobody else may have it open."""
    pids = run.others(run.found.raft_db_file)
    if pids:
        raise in_use(pids, run.raft.path_of(RAFT_DB), run.found.proc)
    _same_file(run, RAFT_DB, run.found.raft_db_file)
    run.committed = True
    run.raft.link(RAFT_DB, run.second_name)


def put_back(run: Run) -> None:
    """Give the old raft.db, which has been found to cover wal/, the name under which it is switched to."""
    _same_file(run, run.old_name, run.old_file)
    run.raft.link(run.old_name, RAFT_DB_PARTIAL)


def _same_file(run: Run, name: str, file: Optional[StoreFile]) -> None:
    if file is None or not is_name_of(run.raft, name, file.inode):
        raise Refused(f"{name} has been replaced during the run", run.raft.path_of(name), hint="Run it again.")


def switch(run: Run) -> None:
    """The switch: one rename puts the guard over raft.db. Before it the old store counts, after it the new one."""
    run.committed = True
    run.raft.symlink_nosync(guard_target(run.second_name), GUARD_PARTIAL)
    run.raft.replace(GUARD_PARTIAL, RAFT_DB)


def switch_back(run: Run) -> None:
    """The switch: one rename puts the new raft.db over the guard, or over a store that wal/ covers and that is linked.

    Nobody else may have the WAL open, or the file that is named raft.db.
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


def look_again(run: Run) -> None:
    """A server that waits for our lock has the old file open and would go on in it: give it back its name."""
    pids = run.others(run.found.raft_db_file)
    if pids:
        run.raft.replace(run.second_name, RAFT_DB)
        raise in_use(pids, run.raft.path_of(RAFT_DB), run.found.proc)


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


def finish(run: Run) -> None:
    """Close the journal. The stores are in place already, so a failure is only worth a warning."""
    before = run.found.journal
    note = _journal(run, journal.DONE) if run.began or before is None else before._replace(phase=journal.DONE)
    try:
        journal.write(run.raft, journal.render(note))
    except StoreError as error:
        run.outcome.warnings.append(f"the conversion is complete, but its journal could not be closed: {error}")


class Step(NamedTuple):
    """All about one step: its name in the state table, the deed, its sentence in a plan, its effect on the names."""

    name: str
    do: Callable[[Run], None]
    sentence: Callable[[Run], str]
    effect: Callable[[Run], Effect] = lambda run: ()  # partial names are gone at the end


# Their order here means nothing: which steps follow each other is the table's to say.
EACH = (
    Step(
        table.ASIDE_JOURNAL, lambda run: aside(run, JOURNAL),
        lambda run: f"rename {JOURNAL} to {run.aside_name(JOURNAL)}",
        lambda run: [(JOURNAL, run.aside_name(JOURNAL))],
    ),
    Step(
        table.ASIDE_PARTIALS, aside_partials,
        lambda run: f"move aside {', '.join(run.found.leftovers)}",
        lambda run: [(name, "" if name == JOURNAL_PARTIAL else run.aside_name(name)) for name in run.found.leftovers],
    ),
    Step(
        table.REMOVE_PARTIALS, remove_left,
        lambda run: f"remove {', '.join(run.found.leftovers)} of an interrupted run",
        lambda run: [(name, "") for name in run.found.leftovers],
    ),
    Step(  # a run was killed between link and switch; rename(2) does nothing where both names are one file
        table.UNLINK_SECOND, lambda run: run.raft.remove(run.found.second_name),
        lambda run: f"remove {run.found.second_name}, a second name of raft.db",
        lambda run: [(run.found.second_name, "")],
    ),
    Step(
        table.ASIDE_MARKER, lambda run: aside(run, NOMAD_MARKER),
        lambda run: f"rename {NOMAD_MARKER} to {run.aside_name(NOMAD_MARKER)}",
        lambda run: [(NOMAD_MARKER, run.aside_name(NOMAD_MARKER))],
    ),
    Step(
        table.ASIDE_WAL, lambda run: aside(run, WAL_DIR),
        lambda run: f"rename wal/ to {run.aside_name(WAL_DIR)}/",
        lambda run: [(WAL_DIR, run.aside_name(WAL_DIR))],
    ),
    Step(  # symlink(2) never replaces anything
        table.ADD_GUARD, lambda run: run.raft.symlink(guard_target(run.newest_backup), RAFT_DB),
        lambda run: "make raft.db the guard link",
        lambda run: [("", f"{RAFT_DB} -> {guard_target(run.newest_backup)}")],
    ),
    Step(table.BEGIN, begin, lambda run: f"open the journal {JOURNAL}", lambda run: [("", JOURNAL)]),
    Step(
        table.BUILD, lambda run: build(run, TO_WAL),
        lambda run: "convert raft.db to wal.partial/ and compare every entry",
    ),
    Step(
        table.BUILD_BACK, lambda run: build(run, TO_BOLTDB),
        lambda run: "convert wal/ to raft.db.partial and compare every entry",
    ),
    Step(table.PUT_BACK, put_back, lambda run: f"link {run.old_name}, which has all that wal/ has, to raft.db.partial"),
    Step(
        table.COPY, lambda run: copy(run, RAFT_DB),
        lambda run: f"copy raft.db to {run.request.backup_dir} and compare it",
    ),
    Step(
        table.COPY_WAL, lambda run: copy(run, WAL_DIR),
        lambda run: f"copy wal/ to {run.request.backup_dir} and compare it",
    ),
    Step(table.PUBLISH, publish, lambda run: "rename wal.partial/ to wal/", lambda run: [("", f"{WAL_DIR}/")]),
    # Read anew: with another backend than wal Nomad could not start after the switch.
    Step(table.CONFIGURATION, check_configuration, lambda run: "check that the agent's configuration says wal"),
    Step(table.LINK_BACKUP, link, lambda run: f"link raft.db to {run.backup}", lambda run: [("", run.backup)]),
    Step(
        table.LINK_SUPERSEDED, link,
        lambda run: f"link raft.db to {run.superseded}", lambda run: [("", run.superseded)],
    ),
    Step(
        table.SWITCH, switch,
        lambda run: "replace raft.db by the guard link",
        lambda run: [("", f"{RAFT_DB} -> {guard_target(run.second_name)}")],
    ),
    Step(table.SWITCH_BACK, switch_back, lambda run: "rename raft.db.partial to raft.db", lambda run: [("", RAFT_DB)]),
    Step(table.LOOK_AGAIN, look_again, lambda run: "check that no process waits for the old raft.db"),
    Step(
        table.RETIRE_WAL, retire_wal,
        lambda run: f"rename wal/ to {run.retired_wal}/", lambda run: [(WAL_DIR, run.retired_wal)],
    ),
    Step(
        table.UNLINK_BACKUP, unlink_backup,
        lambda run: f"remove the name {run.old_name}, which raft.db had", lambda run: [(run.old_name, "")],
    ),
    Step(table.FINISH, finish, lambda run: "close the journal"),
)  # fmt: skip
STEPS: Dict[str, Step] = {step.name: step for step in EACH}


def predicted(run: Run) -> List[str]:
    """The listing of the Raft directory as it will be after all steps."""
    lines = {_name(line): line for line in run.outcome.before}
    for step in run.steps:
        for gone, come in STEPS[step].effect(run):
            mark = lines.pop(gone)[len(gone) :] if gone else ""  # the slash of a directory goes along
            if come:
                lines[_name(come)] = come + mark
    return [lines[name] for name in sorted(lines)]


def _name(line: str) -> str:
    return line.split(" -> ", 1)[0].rstrip("/")
