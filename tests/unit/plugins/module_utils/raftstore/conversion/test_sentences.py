# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a plan, and the listing of diff mode. test_migrate.py compares the prediction with what comes out."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.conversion import table
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.directory.raftdir import listing
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.migrate import migrate
from support.stores.builder import (
    BACKUP,
    clock,
    log,
    nomad_store,
    raft_directory,
    request,
    write_boltdb,
    write_guard,
    write_wal,
)


def test_a_listing_shows_kinds(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_guard(raft)
    write_wal(raft / "wal", log(2))
    (raft / "version").touch()
    lines = listing(Directory.open(str(raft)))
    assert lines == [f"raft.db -> this-server-is-on-wal/see-{BACKUP}", "version", "wal/"]


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


@pytest.mark.parametrize("cell", ["to_wal", "to_boltdb"])
def test_every_step_of_the_table_has_a_sentence(cell: str, tmp_path: Path) -> None:
    from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.conversion import run, sentences
    from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.conversion.request import Request
    from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.directory.evidence import Evidence
    from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.directory.observe import Found

    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(2))
    walker = run.Run(Request(str(raft)), Found(Directory.open(str(raft)), False), Evidence(), clock)
    for row in table.ROWS:
        steps = getattr(row, cell)
        walker.steps = () if isinstance(steps, str) else steps
        assert all(sentences.sentences(walker))
