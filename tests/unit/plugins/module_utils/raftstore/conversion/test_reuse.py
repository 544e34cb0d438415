# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the old raft.db is put back, and everything that makes us convert the WAL instead."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Stable
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.entry import Entry
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import migrate
from support.stores.builder import (
    BACKUP,
    VOTED,
    clock,
    entries_of,
    log,
    raft_directory,
    request,
    write_boltdb,
    write_guard,
    write_journal,
    write_wal,
)


def on_wal(where: Path, entries: List[Entry], stable: Stable, old: List[Entry], old_stable: Stable = VOTED) -> Path:
    """A WAL, and beside it the raft.db from which the journal says it was made."""
    raft = raft_directory(where)
    write_wal(raft / "wal", entries, stable)
    write_boltdb(raft / BACKUP, old, old_stable)
    write_guard(raft)
    write_journal(raft, "done")
    return raft


def way_back(raft: Path) -> str:
    """`put back` or `converted`; check mode must say the same. What comes out always has all that wal/ had."""
    lines = entries_of(raft / "wal")
    told = migrate(request(raft, backend="boltdb", check=True), clock=clock)
    done = migrate(request(raft, backend="boltdb"), clock=clock)
    assert (told.plan, told.after, told.entries, told.stable) == (done.plan, done.after, done.entries, done.stable)
    found = entries_of(raft / "raft.db")
    put_back = any("which has all that wal/ has" in sentence for sentence in done.plan)
    assert found == lines or (put_back and set(lines) <= set(found))
    assert done.verified == len(lines) - 1
    assert (raft / BACKUP).exists() != put_back
    return "put back" if put_back else "converted"


def test_nothing_has_happened_on_the_wal(tmp_path: Path) -> None:
    assert way_back(on_wal(tmp_path, log(9), VOTED, log(9))) == "put back"


def test_the_backup_has_what_was_dropped_below_a_snapshot(tmp_path: Path) -> None:
    raft = on_wal(tmp_path, log(9, 6), VOTED, [*log(3), *log(9, 6)])
    assert way_back(raft) == "put back"
    assert len(entries_of(raft / "raft.db")) == 7 + 1


CHANGED = replace(log(9)[4], data=b"something else")
DIFFERENT: Dict[str, Any] = {
    "one more entry": (log(10), VOTED, log(9)),
    "a vote": (log(9), Stable(3, 3, b"10.0.0.2:4647"), log(9)),
    "a newer term": (log(9), Stable(4, 3, b"10.0.0.1:4647"), log(9)),
    "a first vote": (log(9), VOTED, log(9), Stable(3, None, None)),
    "an entry in the middle": ([*log(4), CHANGED, *log(9, 6)], VOTED, log(9)),
    "an entry that the backup lacks": (log(9), VOTED, [*log(4), *log(9, 6)]),
    "the last entry": ([*log(8), *log(9, 9, 3, "other")], VOTED, log(9)),
    "all entries gone": ([], VOTED, log(9)),
    "compacted and gone on": (log(30, 20), VOTED, log(9)),
    "an empty backup": (log(9), VOTED, [], Stable()),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_whatever_has_happened_on_the_wal_is_kept(what: str, tmp_path: Path) -> None:
    assert way_back(on_wal(tmp_path, *DIFFERENT[what])) == "converted"


def test_compaction_alone_takes_nothing_from_the_backup(tmp_path: Path) -> None:
    assert way_back(on_wal(tmp_path, log(9, 5), VOTED, log(9))) == "put back"


Change = Callable[[Path], None]
OBSTACLES: Dict[str, Change] = {
    "second name": lambda raft: os.link(raft / BACKUP, raft.parent / "elsewhere"),
    "damaged": lambda raft: (raft / BACKUP).write_bytes(b"x" * 9000),
    "gone": lambda raft: (raft / BACKUP).unlink(),
    "a directory": lambda raft: ((raft / BACKUP).unlink(), (raft / BACKUP).mkdir())[-1],
    "a link": lambda raft: ((raft / BACKUP).rename(raft.parent / "x"), (raft / BACKUP).symlink_to("../x"))[-1],
    "no journal": lambda raft: (raft / ".raft-migrate.json").unlink(),
    "journal of the way back": lambda raft: write_journal(raft, "done", "boltdb", "wal.migrated.20261122-104750"),
}


@pytest.mark.parametrize("what", OBSTACLES)
def test_a_backup_that_cannot_be_used_is_no_error(what: str, tmp_path: Path) -> None:
    raft = on_wal(tmp_path, log(9), VOTED, log(9))
    OBSTACLES[what](raft)
    lines = entries_of(raft / "wal")
    outcome = migrate(request(raft, backend="boltdb"), clock=clock)
    assert "convert wal/ to raft.db.partial and compare every entry" in outcome.plan
    assert entries_of(raft / "raft.db") == lines


def test_a_backup_that_somebody_reads_stays_where_it_is(tmp_path: Path) -> None:
    raft = on_wal(tmp_path, log(9), VOTED, log(9))
    code = "import sys; file = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(raft / BACKUP)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None and reader.stdout.readline() == "open\n"
        assert way_back(raft) == "converted"
        reader.communicate("")
