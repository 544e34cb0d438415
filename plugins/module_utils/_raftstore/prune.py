# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove old stores that conversions have left, for raft_backup_remove. Never the store itself, never anything else.

What may be removed is known by its name alone: `raft.db.migrated.*` and `wal.migrated.*`. It is removed only while the
store beside it is in a state that needs no old one: on BoltDB or on the WAL, with nothing unfinished. Nomad may run.
"""

from __future__ import annotations

import os
import stat
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import List

from .._disk.durable import Directory
from .._disk.errors import Refused, unreadable
from .._disk.mounts import PROC, mount_number
from .._disk.reading import reading
from .._disk.syscalls import REAL, SystemCalls
from .base.names import BACKUP, RAFT_DB, WAL_META
from .base.store import BOLTDB, WAL
from .conversion import table
from .conversion.refusals import refusal
from .directory import journal
from .directory.evidence import Evidence
from .directory.locks import in_use, inode_of, openers
from .directory.observe import Found, observe, opened
from .directory.raftdir import listing
from .directory.readstores import read
from .rehearsal.scratch import tidy

LOCK_TIMEOUT_S = 60.0
FINISH = "Run raft_migrate_backend to its end first; raft_store_info shows what it found."


@dataclass
class Pruned:
    """What was removed, or would be in check mode: names, oldest first. `kept` are the backups that stay."""

    raft_dir: str = ""
    state: str = ""
    removed: List[str] = field(default_factory=list)
    kept: List[str] = field(default_factory=list)
    freed_bytes: int = 0
    before: List[str] = field(default_factory=list)
    after: List[str] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)


def prune(data_dir: str, keep: int, check: bool, calls: SystemCalls = REAL, proc: str = PROC) -> Pruned:
    """Remove all backups below `data_dir` but the newest `keep`. Raises Refused, InUse, WriteFailed.

    Everything is looked at before anything is removed.
    """
    if keep < 0:
        raise Refused(f"{keep} backups cannot be kept", data_dir, hint="Give 0 or more.")
    try:
        with opened(data_dir, calls, proc, None if check else LOCK_TIMEOUT_S) as found:
            return _prune(found, keep, check)
    except OSError as error:
        raise unreadable(error, data_dir) from error


def _prune(found: Found, keep: int, check: bool) -> Pruned:
    raft = found.raft
    evidence = replace(read(found, observe(found)), store_lock="free")
    pruned = Pruned(raft.path, _settled(found, evidence), before=listing(raft))
    names = [name for name in found.backups if BACKUP.match(name)]
    pruned.removed = names[: max(len(names) - keep, 0)]
    pruned.kept = names[len(pruned.removed) :]
    pruned.freed_bytes = sum(_examine(found, name) for name in pruned.removed)
    gone = {line for name in pruned.removed for line in (name, name + "/")}
    pruned.after = [line for line in pruned.before if line not in gone]
    if not check:
        pruned.warnings = tidy(raft)
    for name in [] if check else pruned.removed:
        if name.startswith(RAFT_DB):
            raft.remove(name)
        else:
            raft.remove_directory(name)
    return pruned


def _settled(found: Found, evidence: Evidence) -> str:
    """The state, boltdb or wal. Raises Refused in any other, and when something is unfinished."""
    rows = table.walk(evidence)
    row = rows[-1]
    if row.to_wal == table.REFUSE:
        raise refusal(row.number, found)
    if row.state not in (BOLTDB, WAL) or len(rows) > 1 or evidence.journal == journal.OPEN:
        what = f"old stores are not removed while a conversion is unfinished (state {row.state})"
        if row.state == "empty":
            what = "there is no store here; an old one may be all that is left"
        raise Refused(what, found.raft.path, hint=FINISH)
    return row.state


def _examine(found: Found, name: str) -> int:
    """Bytes that the backup takes. Raises Refused for what no conversion leaves, InUse when somebody has it open."""
    status = found.raft.stat(name)
    path = found.raft.path_of(name)
    if name.startswith(RAFT_DB) and status is not None and stat.S_ISREG(status.st_mode):
        with reading(found.raft, name) as fd:
            _alone(found, fd, [fd], path)
        return status.st_size
    if not name.startswith(RAFT_DB) and status is not None and stat.S_ISDIR(status.st_mode):
        with closing(found.raft.subdirectory(name)) as inner:
            return _examine_wal(found, inner)
    raise _strange(path)


def _examine_wal(found: Found, directory: Directory) -> int:
    length = 0
    fds: List[int] = []
    try:
        for name in directory.names():
            status = directory.stat(name)
            known = name.endswith(".wal") or name in (WAL_META, WAL_META + ".tmp")
            if not known or status is None or not stat.S_ISREG(status.st_mode):
                raise _strange(directory.path_of(name))
            fds.append(directory.open_read(name))
            length += status.st_size
        _alone(found, directory.fd, fds, directory.path)
    finally:
        for fd in fds:
            os.close(fd)
    return length


def _alone(found: Found, place_fd: int, fds: List[int], path: str) -> None:
    """Raise Refused for a mount, InUse when another process has one of the files open."""
    if mount_number(place_fd, found.proc) != mount_number(found.raft.fd, found.proc):
        raise _strange(path)
    pids = openers([inode_of(fd) for fd in fds], found.proc).pids
    if pids:
        raise in_use(pids, path, found.proc)


def _strange(path: str) -> Refused:
    return Refused(
        "this has the name of an old store, but no conversion leaves such a thing",
        path,
        hint="Nothing was removed. Find out what it is and move it away.",
    )
