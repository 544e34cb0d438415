# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the state found to the backend wanted: look, plan, refuse or walk the steps.

The decision is the table's (table.py), the steps are in steps.py. This file puts them in order: take the locks,
observe, look up, compute what can be refused, then apply. Check mode goes the same way without the last part.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import Callable, Iterator, Optional, Tuple

from .._disk.durable import Directory, lock_exclusive
from .._disk.errors import InUse, StoreError, unreadable
from .._disk.mounts import PROC, mount_of, refuse_kind
from .._disk.syscalls import REAL, SystemCalls
from .base.names import JOURNAL, JOURNAL_PARTIAL, RAFT_DB_PARTIAL, WAL_PARTIAL
from .base.store import BOLTDB, WAL
from .base.workers import process_count
from .conversion import table
from .conversion.outcome import Outcome, stable_values
from .conversion.preflight import check_request, prepare
from .conversion.refusals import refusal
from .conversion.request import Request
from .conversion.run import Run
from .conversion.steps import STEPS, predicted, remove_partial
from .directory import journal
from .directory.evidence import Evidence
from .directory.locks import POLL_S, lock_directory, process_names
from .directory.observe import Found, observe
from .directory.raftdir import listing, locate
from .directory.readstores import read
from .rehearsal.scratch import tidy
from .wal import crc32c

__all__ = ["Outcome", "Request", "migrate"]

DYING_S = 2.0  # how long the locks of a killed run may outlive its files


def migrate(
    request: Request, calls: SystemCalls = REAL, clock: Callable[[], float] = time.time, proc: str = PROC
) -> Outcome:
    """Bring the store below `request.data_dir` to `request.backend`, or say what would be done (`request.check`).

    Raises StoreError (Refused, InUse, Corrupt, NoSpace, WriteFailed...) for everything that a user can meet; until the
    switch the old store is untouched then. Failures in tidying after the switch are in `Outcome.warnings`. `calls` is
    the seam for tests, `clock` only makes names readable.
    """
    started = time.monotonic()
    check_request(request)
    try:
        with locked(request, calls, proc) as (found, evidence):
            outcome = _migrate(request, found, evidence, clock)
    except OSError as error:
        raise unreadable(error, request.data_dir) from error
    outcome.elapsed["total"] = round(time.monotonic() - started, 3)
    return outcome


@contextmanager
def locked(request: Request, calls: SystemCalls, proc: str) -> Iterator[Tuple[Found, Evidence]]:
    """The Raft directory, locked and observed. Raises Refused, or InUse after `lock_timeout_s`."""
    raft = locate(request.data_dir, calls)
    try:
        refuse_kind(mount_of(raft.fd, proc).kind, raft.path)
        run_lock = _lock(raft, request)
        found, evidence = _look(raft, request, proc)
        try:
            yield found, read(found, replace(evidence, run_lock=run_lock), process_count(request.workers))
        finally:
            found.close()
    finally:
        raft.close()


def _look(raft: Directory, request: Request, proc: str) -> Tuple[Found, Evidence]:
    """What is there. A store that is locked, while no process has it open, is that of a run that dies just now.

    The kernel takes a killed process's files away first, and gives up their locks one by one after that, in an order
    that nobody has promised: the directory's, which this run has, may come before the stores'.
    """
    deadline = time.monotonic() + DYING_S
    while True:
        found = Found(raft, not request.check, proc)
        try:
            evidence = observe(found)
        except BaseException:
            found.close()
            raise
        may_die = evidence.store_lock == "taken" and not found.openers.pids and not request.check
        if not may_die or time.monotonic() >= deadline:
            return found, evidence
        found.close()
        time.sleep(POLL_S)


def _lock(raft: Directory, request: Request) -> str:
    if not request.check:
        lock_directory(raft, request.lock_timeout_s)
        return "free"
    try:
        lock_exclusive(raft.fd, raft.path, shared=True)
    except InUse:
        return "taken"
    return "free"


def _migrate(request: Request, found: Found, evidence: Evidence, clock: Callable[[], float]) -> Outcome:
    run, state = planned(request, found, evidence, clock)
    return _carry_out(run, state, _in_use(found, evidence))


def _in_use(found: Found, evidence: Evidence) -> str:
    """Who has the store, and that a run would not begin now: check mode only looks then. Else ""."""
    if evidence.store_lock == "taken":
        pids = found.openers.pids
        who = process_names(pids, found.proc) if pids else "a process that cannot be seen from here"
        return f"The store is in use by {who}: the real run would refuse. Stop the Nomad server on this host first."
    if evidence.run_lock == "taken":
        return "Another run of this collection is at work here: the real run would wait for its end."
    return ""


def planned(request: Request, found: Found, evidence: Evidence, clock: Callable[[], float]) -> Tuple[Run, str]:
    """(the run with the steps that the table gives, the state). Changes nothing. Raises what the state is refused with.

    In check mode that is what there would be to do if nobody had the store open.
    """
    if request.check:
        evidence = replace(evidence, store_lock="free", run_lock="free")
    row, cell = table.plan(evidence, request.backend)
    state = table.state_of(row, evidence)
    run = Run(request, found, evidence, clock)
    if isinstance(cell, str):
        if state != "both":
            raise refusal(row.number, found)
    else:
        run.steps = tuple(step for step in cell if _applies(run, step, cell))
    return run, state


def _carry_out(run: Run, state: str, in_use: str) -> Outcome:
    outcome = run.outcome
    outcome.state, outcome.before = state, listing(run.raft)
    outcome.backup = _backup(run)
    outcome.previous_backend = _backend(run.evidence)
    outcome.backend = run.request.backend if outcome.previous_backend else None
    if state == "empty":
        outcome.warnings.append(
            f"There is no store in {run.raft.path}: nothing was converted. Is data_dir the right one?"
        )
    if in_use:
        outcome.warnings.append(
            f"{in_use} It was not read; the plan follows from the file names only. Whether the shape of its log and "
            "the free space allow it is unknown until then."
        )
    if not run.request.check:
        outcome.warnings.extend(tidy(run.raft))  # it may hold the space that is needed now
    try:
        prepare(run)
        outcome.plan = [STEPS[step].sentence(run) for step in run.steps]
        outcome.changed = bool(run.steps)
        outcome.resumed = outcome.changed and run.evidence.journal == "open"
        outcome.after = predicted(run)
        if not run.request.check:
            apply(run)
        _conclude(run, bool(in_use))
    finally:
        run.close()
    outcome.crc32c = crc32c.implementation()
    return outcome


def apply(run: Run) -> None:
    """Walk the steps. After a failure before anything was committed, what was prepared is removed again."""
    try:
        for step in run.steps:
            STEPS[step].do(run)
    except (StoreError, OSError):
        if run.began and not run.committed:
            _undo_preparation(run)
        raise


def _undo_preparation(run: Run) -> None:
    """After a failure before anything was published, linked or switched: put the directory back.

    Later the journal must stay: it alone names the file in which a waiting server would go on. What fails here is left
    to a re-run.
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


def _applies(run: Run, step: str, cell: Tuple[str, ...]) -> bool:
    """Whether a step of the table has anything to do here."""
    needs = {
        table.ASIDE_MARKER: run.found.has_marker,
        table.COPY: bool(run.request.backup_dir),
        table.COPY_WAL: bool(run.request.backup_dir),
        table.CONFIGURATION: run.request.effective_backend is not None,
        table.FINISH: table.BEGIN in cell or run.evidence.journal == "open",
    }
    return needs.get(step, True)


def _backup(run: Run) -> Optional[str]:
    """Path of the old store at the end."""
    name = run.newest_backup if run.request.backend == WAL else ""
    if table.SWITCH in run.steps:
        name = run.second_name
    elif table.RETIRE_WAL in run.steps:
        name = run.retired_wal
    return run.raft.path_of(name) if name else None


def _backend(evidence: Evidence) -> Optional[str]:
    """The backend that Nomad would open: wherever raft.db is a file it refuses to start on wal/."""
    if evidence.raft_db in ("ok", "0"):
        return BOLTDB
    return WAL if evidence.wal == "ok" else None


def _conclude(run: Run, in_use: bool) -> None:
    """Complete the outcome. Once all steps have been walked, a failure is only worth a warning."""
    try:
        if not in_use:
            _count(run)
        if not run.request.check:
            run.outcome.after = listing(run.raft)
    except (StoreError, OSError) as error:
        if run.request.check or not run.steps:
            raise
        run.outcome.warnings.append(f"all steps are done, but what they left could not be read: {error}")


def _count(run: Run) -> None:
    """The numbers of the store that counts at the end."""
    outcome = run.outcome
    if run.evidence.relation == "equal":
        outcome.verified = run.found.wal.entry_count if run.found.wal is not None else 0
    built = table.BUILD in run.steps
    converted = built or table.BUILD_BACK in run.steps
    store = run.source_store if converted else run.old_store
    if store is None:
        store = run.found.raft_db if outcome.backend == BOLTDB else run.found.wal
    if store is None:
        return
    outcome.stable = stable_values(store.stable())
    outcome.entries, outcome.first_index, outcome.last_index = store.entry_count, store.first_index, store.last_index
    if built:
        outcome.dropped_entries = run.shape.dropped_entries
        outcome.entries -= run.shape.dropped_entries
        outcome.first_index, outcome.last_index = run.copied.first_index, run.copied.last_index
    if run.old_store is not None and run.found.wal is not None:
        outcome.verified = run.found.wal.entry_count
    wal = run.new_store if built else run.found.wal
    if outcome.backend == WAL and wal is not None:
        outcome.segments = len(wal.extents())
