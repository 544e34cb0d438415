# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of steps: it has those of the state table, what a plan says of them, and the order of their syncs."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import SystemCalls
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion import steps, table
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.request import Request
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.run import Run
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.evidence import Evidence
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.observe import Found
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import migrate
from support.conversions.ways import (
    OLD_RAFT_DB,
    OLD_RAFT_DB_BACK,
    PLAIN,
    PUBLISH,
    RETIRE,
    STALE_WAL,
    STARTS,
    SWITCH,
    SWITCH_BACK,
    UNTOUCHED,
    VOTED_ON_WAL,
    Start,
    changes,
    made_from,
)
from support.stores.builder import BACKUP, STAMP, clock, log, nomad_store, raft_directory, request, write_boltdb

SEGMENT = "00000000000000000004-0000000000000001.wal"
SYNC = ("fsync", "raft")
JOURNAL = [
    ("fsync", ".raft-migrate.json.partial"), ("rename", ".raft-migrate.json.partial > .raft-migrate.json"), SYNC,
]  # fmt: skip
ORDER = [
    (PLAIN, [
        *JOURNAL,
        ("mkdir", "wal.partial"), ("fsync", SEGMENT), ("fsync", "wal-meta.db"), ("fsync", "wal-meta.db"),
        ("fsync", "wal.partial"), PUBLISH, SYNC,
        ("link", f"raft.db > {BACKUP}"), SYNC,
        ("symlink", "raft.db.guard.partial"), SWITCH, SYNC,
        *JOURNAL,
    ]),
    (VOTED_ON_WAL, [
        *JOURNAL,
        ("fsync", "raft.db.partial"), ("fsync", "raft.db.partial"), ("fsync", "raft.db.partial"), SWITCH_BACK, SYNC,
        RETIRE, SYNC,
        *JOURNAL,
    ]),
]  # fmt: skip


def test_the_steps_are_those_of_the_state_table() -> None:
    cells = chain.from_iterable((row.to_wal, row.to_boltdb) for row in table.ROWS)
    named = set(chain.from_iterable(cell for cell in cells if not isinstance(cell, str)))
    assert named == set(steps.STEPS) and len(steps.EACH) == len(steps.STEPS)


@pytest.mark.parametrize("step", steps.EACH, ids=lambda step: step.name)
def test_every_step_has_a_sentence(step: steps.Step, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(2))
    run = Run(Request(str(raft)), Found(Directory.open(str(raft)), False), Evidence(), clock)
    assert step.sentence(run)


def test_the_plan_of_a_plain_conversion(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    told = migrate(request(raft, check=True, backup_dir=str(tmp_path), effective_backend=lambda: "wal"), clock=clock)
    assert told.plan == [
        "open the journal .raft-migrate.json",
        "convert raft.db to wal.partial/ and compare every entry",
        f"copy raft.db to {tmp_path} and compare it",
        "rename wal.partial/ to wal/",
        "check that the agent's configuration says wal",
        f"link raft.db to {BACKUP}",
        "replace raft.db by the guard link",
        "check that no process waits for the old raft.db",
        "close the journal",
    ]


def test_the_plan_of_the_way_back(tmp_path: Path) -> None:
    raft = nomad_store("wal-follower", tmp_path)
    told = migrate(request(raft, check=True, backend="boltdb", backup_dir=str(tmp_path)), clock=clock)
    assert told.plan == [
        "make raft.db the guard link",
        "open the journal .raft-migrate.json",
        "convert wal/ to raft.db.partial and compare every entry",
        f"copy wal/ to {tmp_path} and compare it",
        "rename raft.db.partial to raft.db",
        "rename wal/ to wal.migrated.20261122-104750/",
        "close the journal",
    ]


@pytest.mark.parametrize(("start", "order"), ORDER, ids=lambda value: getattr(value, "name", ""))
def test_each_sync_stands_between_the_names_it_orders(
    start: Start, order: list[tuple[str, str]], tmp_path: Path
) -> None:
    made = changes(start, tmp_path, copies=False)
    assert [change for change in made if change[0] not in ("pwritev", "open", "ftruncate")] == order


def test_a_backup_is_put_back_by_two_links_and_loses_its_old_name_last(tmp_path: Path) -> None:
    made = changes(UNTOUCHED, tmp_path, copies=False)
    names = [change for change in made if change[0] in ("link", "rename", "unlink")]
    assert names[1:-1] == [("link", f"{BACKUP} > raft.db.partial"), SWITCH_BACK, RETIRE, ("unlink", BACKUP)]
    for name in names[1:-1]:
        assert made[made.index(name) + 1] == SYNC


def test_an_old_raft_db_has_its_second_name_on_disk_before_the_switch(tmp_path: Path) -> None:
    made = changes(OLD_RAFT_DB_BACK, tmp_path, copies=False)
    at = made.index(("link", f"raft.db > raft.db.superseded.{STAMP}"))
    assert made[at + 1 : at + 4] == [SYNC, SWITCH_BACK, SYNC]


@pytest.mark.parametrize(
    ("start", "old"),
    [
        (PLAIN, BACKUP),
        (OLD_RAFT_DB, f"raft.db.superseded.{STAMP}"),
        (VOTED_ON_WAL, f"wal.migrated.{STAMP}"),
        (OLD_RAFT_DB_BACK, f"raft.db.superseded.{STAMP}"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_journal_names_the_old_store(start: Start, old: str, tmp_path: Path) -> None:
    case = made_from(start, tmp_path, copies=False)
    case.go(SystemCalls())
    assert json.loads((case.raft / ".raft-migrate.json").read_bytes())["backup"] == old
    assert (case.raft / old).exists()


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
def test_nothing_but_the_switch_replaces_a_store_and_no_store_is_removed(start: Start, tmp_path: Path) -> None:
    made = changes(start, tmp_path)
    renamed = [what.split(" > ")[1] for name, what in made if name == "rename"]
    assert renamed.count("raft.db") == (1 if start.switches else 0)
    assert renamed.count("wal") == (1 if start in (PLAIN, STALE_WAL) else 0)
    removed = [what for name, what in made if name in ("unlink", "rmdir") and not what.endswith(".partial")]
    assert removed == ([BACKUP] if start is UNTOUCHED else [])
