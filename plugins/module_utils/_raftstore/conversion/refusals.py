# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a state is refused and what a person can do: one sentence for each row of the state table that refuses."""

from __future__ import annotations

from typing import Callable, Dict, Optional

from ..._disk.errors import LOOK_AGAIN, REJOIN, RESTORE, Corrupt, InUse, Refused, StoreError
from ..base.names import RAFT_DB, WAL_DIR
from ..base.store import StoreReader
from ..directory.covers import promise
from ..directory.locks import in_use
from ..directory.observe import FOREIGN, Found

CHOOSE = f"First {LOOK_AGAIN}, decide which one the cluster has gone on with, and move the other away; or {REJOIN}."


def refusal(row_number: int, found: Found) -> StoreError:
    """The error for a state in which nothing may be changed."""
    reason = REASONS.get(row_number, _unlisted)
    return reason(found)


def _lost(found: Found) -> StoreError:
    old = ", ".join(found.backups) or "none"
    what = f"there is no store here, but there was one (snapshots: {len(found.snapshots)}, old stores: {old})"
    hint = f"First {LOOK_AGAIN}, put the right one back by hand, or {REJOIN}."
    return Refused(what, found.raft.path, hint=hint)


def _forked(found: Found) -> StoreError:
    what = f"{_stores(found)} each have something that the other lacks"
    return Refused(what, found.raft.path, hint=CHOOSE)


def _forked_backup(found: Found) -> StoreError:
    name, old = "the old store", None
    if found.backup_file is not None:
        name = found.backup_file.path.rsplit("/", 1)[-1]
        try:
            old = found.backup_file.read_boltdb()
        except StoreError:
            old = None
    what = f"{name} ({_summary(old)}) has something that is missing in {_stores(found)}"
    return Refused(what, found.raft.path, hint=CHOOSE)


def _stores(found: Found) -> str:
    raft_db = f"{RAFT_DB} ({_summary(found.raft_db)}) and " if found.raft_db_file is not None else ""
    return f"{raft_db}wal/ ({_summary(found.wal)})"


def _summary(store: Optional[StoreReader]) -> str:
    if store is None:
        return "unreadable"
    have = promise(store)
    vote = "no vote" if not have.last_vote_term else f"voted in term {have.last_vote_term}"
    return f"term {have.current_term or 0}, {vote}, entries {have.first_index} to {have.last_index}"


def _damaged(found: Found) -> StoreError:
    """One store is damaged. The server may have run on the other one, and not on this."""
    error = found.problems[-1] if found.problems else Corrupt("the store cannot be read", found.raft.path)
    error.hint = error.hint or RESTORE
    in_wal = error.path.startswith(found.raft.path_of(WAL_DIR))
    other = found.raft_db if in_wal else found.wal
    if other is not None:
        name, damaged = (RAFT_DB, f"{WAL_DIR}/") if in_wal else (f"{WAL_DIR}/", RAFT_DB)
        lead = f"{name} ({_summary(other)}) can be read: if the server last ran on that one, move {damaged} away"
        error.hint = f"{lead} and run again. If not: {error.hint}"
    return error


def _foreign(found: Found) -> StoreError:
    return found.problems[-1] if found.problems else _unlisted(found)


def _newer_tool(found: Found) -> StoreError:
    return found.problems[0] if found.problems else _unlisted(found)


def _foreign_link(found: Found) -> StoreError:
    hint = "A write through either name changes both. Find the second name (find -inum) and remove it."
    return Refused("this file has a second name", found.raft.path_of(RAFT_DB), hint=hint)


def _foreign_name(found: Found) -> StoreError:
    return Refused(
        "this is neither a store nor this collection's guard link", found.raft.path_of(RAFT_DB), hint=FOREIGN
    )


def _in_use(found: Found) -> StoreError:
    taken = [file.path for file in found.files() if not file.free] or [file.path for file in found.files()]
    return in_use(found.openers.pids, taken[0] if taken else found.raft.path, found.proc)


def _other_run(found: Found) -> StoreError:
    return InUse("another run of this collection is at work", found.raft.path, hint="Wait until it has ended.")


def _unlisted(found: Found) -> StoreError:
    what = "the files here are in a state that no step of Nomad or of this collection leaves"
    return Refused(f"{what} (names: {', '.join(found.names) or 'none'})", found.raft.path, hint="Look at it by hand.")


REASONS: Dict[int, Callable[[Found], StoreError]] = {
    2: _lost, 8: _forked, 10: _forked_backup, 13: _damaged, 14: _damaged, 15: _damaged, 19: _foreign_link,
    20: _foreign_name, 21: _foreign, 22: _newer_tool, 24: _in_use, 25: _other_run,
}  # fmt: skip
