# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the state table that clear something away first: partial files, a second name, a foreign journal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Tuple

import pytest
from support.conversions.checked import on, run
from support.stores.builder import (
    BACKUP,
    STAMP,
    entries_of,
    log,
    raft_directory,
    write_boltdb,
    write_journal,
    write_wal,
)


def leave(raft: Path) -> Tuple[str, ...]:
    """Every partial file that a kill can leave, as a run of ours makes it."""
    write_wal(raft / "wal.partial", log(2))
    (raft / "raft.db.partial").write_bytes(b"half")
    (raft / "raft.db.guard.partial").symlink_to("this-server-is-on-wal/see-docs")
    (raft / ".raft-migrate.json.partial").write_bytes(b"{")
    return ("wal.partial", "raft.db.partial", "raft.db.guard.partial", ".raft-migrate.json.partial")


def test_row_16_our_partials_are_removed(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    lines = entries_of(raft / "raft.db")
    left = leave(raft)
    write_journal(raft)
    outcome = run(raft)
    assert outcome.resumed
    assert not {path.name for path in raft.iterdir()} & {*left, f"wal.partial.superseded.{STAMP}"}
    on(raft, "wal", lines)


@pytest.mark.parametrize("phase", ["absent", "done"])
def test_row_17_partials_of_others_go_aside(phase: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    lines = entries_of(raft / "raft.db")
    leave(raft)
    if phase == "done":
        write_journal(raft, "done")
    assert not run(raft).resumed
    assert (raft / f"wal.partial.superseded.{STAMP}").is_dir()
    assert (raft / f"raft.db.partial.superseded.{STAMP}").read_bytes() == b"half"
    assert not (raft / ".raft-migrate.json.partial").exists()
    on(raft, "wal", lines)


@pytest.mark.parametrize("second", [BACKUP, f"raft.db.superseded.{STAMP}-2"])
def test_row_18_killed_between_link_and_switch(second: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    os.link(raft / "raft.db", raft / second)
    write_wal(raft / "wal", log(5))
    write_journal(raft)
    outcome = run(raft)
    assert outcome.resumed and outcome.backup
    on(raft, "wal", entries_of(Path(outcome.backup)))


def test_row_23_a_journal_of_somebody_else(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    lines = entries_of(raft / "raft.db")
    write_journal(raft)
    os.chown(raft / ".raft-migrate.json", 12345, 12345)
    leave(raft)
    outcome = run(raft)
    assert (raft / f".raft-migrate.json.superseded.{STAMP}").exists()
    assert (raft / f"wal.partial.superseded.{STAMP}").exists(), "a forged journal must not make us remove anything"
    assert not outcome.resumed
    on(raft, "wal", lines)
