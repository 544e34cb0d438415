# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power cuts at every moment of one recorded run: the states that may be found, and whether they are good ones."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import migrate
from support.conversions import conversion, invariants
from support.conversions.disk import Disk, shape, write_out
from support.conversions.situations import Template
from support.conversions.tape import Nodes, Tape
from support.stores.builder import (
    clock,
    lonely_proc,
    request,
)


class Recorded(NamedTuple):
    """A run: the disk before it, and its calls."""

    template: Template
    tape: Tape
    options: dict[str, Any]


class CrashState(NamedTuple):
    """A state after a power cut. `after`: how many calls were made; `ended`: the run had reported its success."""

    nodes: Nodes
    after: int
    ended: bool


def record(template: Template, where: Path, tape_of: type[Tape] = Tape) -> Recorded:
    """Run with one worker to the end, in this process."""
    raft = template.copy(where)
    options: dict[str, Any] = {"backend": template.situation.backend}
    if template.situation.copies:
        options["backup_dir"] = str(where / "copies")
    tape = tape_of(where)
    migrate(request(raft, **options), tape, clock, lonely_proc(where.parent))
    shutil.rmtree(where)
    return Recorded(template, tape, options)


def states(recorded: Recorded, limit: int) -> Iterator[CrashState]:
    """The different states after each number of calls, at most `limit` for each."""
    disk = Disk(recorded.tape)
    seen: set[Any] = set()
    ops = recorded.tape.ops
    for number in range(len(ops) + 1):
        for nodes in disk.states(limit, number):
            known = (number == len(ops), shape(nodes, disk.top))
            if known not in seen:
                seen.add(known)
                yield CrashState(nodes, number, number == len(ops))
        if number < len(ops):
            disk.take(ops[number])


def states_without(recorded: Recorded, sync: int) -> Iterator[CrashState]:
    """The same as if the call of this number, a sync, had been forgotten: only where that makes a difference.

    It does so until the same file or directory is synced again, or to the end; the latest states come first.
    """
    ops = recorded.tape.ops
    disk = Disk(recorded.tape)
    for op in ops[:sync]:
        disk.take(op)
    moments = [(sync, disk)]
    for number, op in enumerate(ops[sync + 1 :], sync + 1):
        if op.kind == "sync" and op.node == ops[sync].node:
            break
        disk = disk.copy()
        disk.take(op)
        moments.append((number, disk))
    seen: set[Any] = set()
    for number, disk in reversed(moments):
        ended = number + 1 == len(ops)
        for nodes in disk.states(limit=64, seed=number, only=ops[sync].node):
            known = (ended, shape(nodes, disk.top))
            if known not in seen:
                seen.add(known)
                yield CrashState(nodes, number + 1, ended)


def check(recorded: Recorded, state: CrashState, before: invariants.Before, where: Path) -> None:
    """Raises AssertionError unless nothing is lost and the same command completes; the directory is removed."""
    template = recorded.template
    try:
        write_out(state.nodes, recorded.tape.top, where)
        raft = where / "server/raft"
        invariants.intact(raft, template, before)
        if state.ended:
            _ended(raft, recorded)
        invariants.complete(
            raft,
            expected=template.expected,
            clean=template.situation.is_resumed,
            by_judge=False,
            run=conversion.run_here,
            **recorded.options,
        )
    finally:
        shutil.rmtree(where, ignore_errors=True)


def _ended(raft: Path, recorded: Recorded) -> None:
    """What was reported as done has not been undone: the new store is the one that starts, and a copy is whole."""
    backend = recorded.template.situation.backend
    name = "wal" if backend == "wal" else "raft.db"
    wanted = {wanted: name if of == backend else "refuses" for wanted, of in invariants.CONFIGURATIONS.items()}
    assert invariants.starts(raft) == wanted, "what was reported as done is undone"
    if recorded.template.situation.copies:
        old = "raft.db" if backend == "wal" else "wal"
        copies = invariants.fingerprints(raft.parents[1] / "copies")
        assert copies == [invariants.fingerprint(recorded.template.raft / old)], "the copy is not complete"
