# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps are called in a plan, and what names they leave. Check mode prints this."""

from __future__ import annotations

from typing import Dict, List

from ..base.names import JOURNAL, JOURNAL_PARTIAL, NOMAD_MARKER, RAFT_DB, WAL_DIR, guard_target
from . import table
from .run import Run


def sentences(run: Run) -> List[str]:
    """One line for each step of the plan."""
    return [_sentence(run, step) for step in run.steps]


def predicted(run: Run) -> List[str]:
    """The listing as it will be after all steps."""
    names: Dict[str, str] = {}
    for line in run.outcome.before:
        names[line.split(" -> ", 1)[0].rstrip("/")] = line
    for step in run.steps:
        _effect(run, step, names)
    return [names[name] for name in sorted(names)]


def _sentence(run: Run, step: str) -> str:
    texts = {
        table.ASIDE_JOURNAL: f"rename {JOURNAL} to {run.free_name(JOURNAL, 'superseded')}",
        table.ASIDE_PARTIALS: f"move aside {', '.join(run.found.leftovers)}",
        table.REMOVE_PARTIALS: f"remove {', '.join(run.found.leftovers)} of an interrupted run",
        table.UNLINK_SECOND: f"remove {run.found.second_name}, a second name of raft.db",
        table.ASIDE_MARKER: f"rename {NOMAD_MARKER} to {run.free_name(NOMAD_MARKER, 'superseded')}",
        table.ASIDE_WAL: f"rename wal/ to {run.free_name(WAL_DIR, 'superseded')}/",
        table.ADD_GUARD: "make raft.db the guard link",
        table.BEGIN: f"open the journal {JOURNAL}",
        table.BUILD: "convert raft.db to wal.partial/ and compare every entry",
        table.BUILD_BACK: "convert wal/ to raft.db.partial and compare every entry",
        table.PUT_BACK: f"link {run.old_name}, which has all that wal/ has, to raft.db.partial",
        table.COPY: f"copy raft.db to {run.request.backup_dir} and compare it",
        table.COPY_WAL: f"copy wal/ to {run.request.backup_dir} and compare it",
        table.PUBLISH: "rename wal.partial/ to wal/",
        table.CONFIGURATION: "check that the agent's configuration says wal",
        table.LINK_BACKUP: f"link raft.db to {run.backup}",
        table.LINK_SUPERSEDED: f"link raft.db to {run.superseded}",
        table.SWITCH: "replace raft.db by the guard link",
        table.SWITCH_BACK: "rename raft.db.partial to raft.db",
        table.LOOK_AGAIN: "check that no process waits for the old raft.db",
        table.RETIRE_WAL: f"rename wal/ to {run.retired_wal}/",
        table.UNLINK_BACKUP: f"remove the name {run.old_name}, which raft.db had",
        table.FINISH: "close the journal",
    }
    return texts[step]


def _effect(run: Run, step: str, names: Dict[str, str]) -> None:
    moves = {
        table.ASIDE_JOURNAL: (JOURNAL, run.free_name(JOURNAL, "superseded")),
        table.ASIDE_MARKER: (NOMAD_MARKER, run.free_name(NOMAD_MARKER, "superseded")),
        table.ASIDE_WAL: (WAL_DIR, run.free_name(WAL_DIR, "superseded")),
        table.RETIRE_WAL: (WAL_DIR, run.retired_wal),
    }
    makes = {
        table.BEGIN: (JOURNAL, JOURNAL),
        table.PUBLISH: (WAL_DIR, WAL_DIR + "/"),
        table.LINK_BACKUP: (run.backup, run.backup),
        table.LINK_SUPERSEDED: (run.superseded, run.superseded),
        table.SWITCH: (RAFT_DB, f"{RAFT_DB} -> {guard_target(run.second_name)}"),
        table.SWITCH_BACK: (RAFT_DB, RAFT_DB),
        table.ADD_GUARD: (RAFT_DB, f"{RAFT_DB} -> {guard_target(run.newest_backup)}"),
    }
    if step in moves:
        _move(names, *moves[step])
    elif step in makes:
        name, line = makes[step]
        names[name] = line
    elif step == table.UNLINK_SECOND:
        del names[run.found.second_name]
    elif step == table.UNLINK_BACKUP:
        del names[run.old_name]
    elif step in (table.ASIDE_PARTIALS, table.REMOVE_PARTIALS):
        for name in run.found.leftovers:
            if step == table.ASIDE_PARTIALS and name != JOURNAL_PARTIAL:
                _move(names, name, run.free_name(name, "superseded"))
            else:
                del names[name]


def _move(names: Dict[str, str], old: str, new: str) -> None:
    names[new] = new + names.pop(old)[len(old) :]
