# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names in a Raft directory, and the free ones that old stores get. Pure.

Names that may be removed are constants in this file. Nothing from a journal or a directory listing ever becomes a name
to remove, because the directory belongs to the service user, who could forge both.
"""

from __future__ import annotations

import re
from typing import Collection

from ..._disk import freename

RAFT_DB = "raft.db"
WAL_DIR = "wal"
WAL_META = "wal-meta.db"
WAL_META_LATER = "wal-meta.json"  # of a Nomad to come: hashicorp/nomad pull request 27908
SNAPSHOTS = "snapshots"
JOURNAL = ".raft-migrate.json"
HOLD = ".raft-hold.json"
NODE_ID = "node-id"  # the server's Raft ID, beside its Raft directory
NOMAD_MARKER = ".migration-in-progress"  # of nomad operator raft migrate-backend

RAFT_DB_PARTIAL = "raft.db.partial"
WAL_PARTIAL = "wal.partial"
GUARD_PARTIAL = "raft.db.guard.partial"
JOURNAL_PARTIAL = ".raft-migrate.json.partial"
PARTIALS = (RAFT_DB_PARTIAL, WAL_PARTIAL, GUARD_PARTIAL)

GUARD_DIRECTORY = "this-server-is-on-wal/"

BACKUP = re.compile(r"(raft\.db|wal)\.migrated\.[0-9-]+\Z")
OLD_STORE = re.compile(r"(raft\.db|wal)\.(migrated|superseded)\.[0-9-]+\Z")
SECOND_NAME = re.compile(r"raft\.db\.(migrated|superseded)\.[0-9-]+\Z")


def free_name(taken: Collection[str], name: str, kind: str, stamp_text: str) -> str:
    """`NAME.KIND.STAMP`, or with `-2`, `-3`... when that is taken."""
    return freename.free_name(taken, f"{name}.{kind}.{stamp_text}")


def guard_target(backup: str) -> str:
    """The guard's target: a path that never exists and says why. `backup` is "" if there is none."""
    return f"{GUARD_DIRECTORY}see-{backup or 'docs'}"


def is_guard_target(target: str) -> bool:
    """Whether a symbolic link with this target is the guard; every other link named raft.db is foreign."""
    return target.startswith(GUARD_DIRECTORY)
