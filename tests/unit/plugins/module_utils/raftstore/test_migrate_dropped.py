# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs that a WAL cannot take as they are: which entries a snapshot makes up for, and when the log is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, List, Tuple, Type

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import (
    IndexGap,
    StoreError,
)
from support.conversions.checked import on, refused, run
from support.stores.builder import (
    VOTED,
    log,
    raft_directory,
    write_boltdb,
    write_snapshot,
)

Change = Callable[[Path], None]


CANNOT: List[Tuple[str, Change, Type[StoreError]]] = [
    ("hole", lambda raft: write_boltdb(raft / "raft.db", [*log(3), *log(9, 6)]), IndexGap),
    ("late start", lambda raft: write_boltdb(raft / "raft.db", log(9, 6)), IndexGap),
]


@pytest.mark.parametrize(("make", "kind"), [case[1:] for case in CANNOT], ids=[case[0] for case in CANNOT])
def test_a_log_that_no_snapshot_covers(make: Change, kind: Type[StoreError], tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    make(raft)
    assert "begins at index 6" in refused(raft, kind).what
    write_snapshot(raft, 4)
    assert "ends at 4" in refused(raft, kind).what
    write_snapshot(raft, 7, term=2)  # older than the other one: its term is lower
    refused(raft, kind)


def test_a_bad_snapshot_justifies_no_dropping(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", [*log(3), *log(9, 6)])
    write_snapshot(raft, 7, crc=1)
    assert "checksum" in refused(raft, IndexGap).what
    write_snapshot(raft, 5)
    outcome = run(raft)
    assert (outcome.dropped_entries, outcome.first_index, outcome.entries) == (3, 6, 4)
    assert any("3-5-1795344470000" in warning for warning in outcome.warnings)


def test_a_log_that_ends_below_the_snapshot_is_written_empty(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(9))
    write_snapshot(raft, 10)
    outcome = run(raft)
    assert (outcome.entries, outcome.first_index, outcome.last_index, outcome.dropped_entries) == (0, 0, 0, 9)
    on(raft, "wal", [str(VOTED)])


def test_a_log_that_ends_at_the_snapshot_is_kept(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(9))
    write_snapshot(raft, 9)
    assert run(raft).entries == 9
