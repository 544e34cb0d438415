# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: a raft.db that we wrote, in the hands of bbolt: checked, appended to, truncated, emptied, refilled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.outcome import Outcome
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import Request, migrate
from support.paths import PYTHONPATH
from support.stores import judge, ours, shapes

PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


def back(data_dir: Path) -> Outcome:
    return migrate(Request(str(data_dir), backend="boltdb", workers=1))


def forth(data_dir: Path) -> Outcome:
    return migrate(Request(str(data_dir), wal_segment_size=1, workers=1))


def checked(raft_db: Path) -> dict[str, Any]:
    """bbolt's own check finds nothing, in this file and after each thing that a server does with its log."""
    found: dict[str, Any] = judge.judge("check", raft_db)
    return found


def live_on(raft_db: Path, start: judge.Content) -> None:
    """A server appends, compacts, drops a conflicting tail, loses everything to a snapshot, and goes on."""
    grown = judge.append(raft_db, count=300, size="0..900", batch=7)
    assert grown.entries == start.entries + 300
    checked(raft_db)
    compacted = judge.truncate(raft_db, head=grown.first_index + (grown.entries * 2) // 3)
    checked(raft_db)
    cut = judge.truncate(raft_db, tail=compacted.last_index - 40)
    assert (cut.first_index, cut.last_index) == (compacted.first_index, compacted.last_index - 41)
    checked(raft_db)
    assert judge.truncate(raft_db, head=cut.last_index).entries == 0
    checked(raft_db)
    refilled = judge.append(raft_db, first=cut.last_index + 100, count=600, size="~900", batch=64)
    checked(raft_db)
    assert refilled.stable == start.stable
    assert ours.digest(raft_db) == refilled


@pytest.mark.parametrize("name", [*shapes.WAL, *shapes.RECORDED_WAL])
def test_bbolt_goes_on_with_every_wal_that_was_converted(name: str, tmp_path: Path) -> None:
    wal = shapes.wal(name, tmp_path)
    shutil.copytree(wal, tmp_path / "for-raft-wal")  # which tidies up what it opens
    expected = judge.digest(tmp_path / "for-raft-wal")
    before = shapes.content(wal)
    outcome = back(tmp_path)
    raft_db = tmp_path / "raft/raft.db"
    assert (outcome.entries, outcome.verified) == (expected.entries, expected.entries)
    assert outcome.stable == expected.stable
    assert judge.digest(raft_db) == ours.digest(raft_db) == expected
    about = checked(raft_db)
    assert (about["page_size"], about["free_pages"]) == (PAGE_SIZE, 0)
    retired = Path(str(outcome.backup))
    assert list(shapes.content(retired).values()) == list(before.values())
    live_on(raft_db, expected)


@pytest.mark.parametrize("name", [*shapes.BOLTDB, *shapes.RECORDED_BOLTDB])
def test_there_and_back_with_what_came_since(name: str, tmp_path: Path) -> None:
    source = shapes.raft_db(name, tmp_path)
    whole = judge.judge("digest", source)
    first = whole["holes"][-1][1] + 1 if whole["holes"] else whole["first_index"]
    if first > 1 and not (source.parent / "snapshots").exists():
        judge.judge("snapshot", f"-index={first - 1}", source.parent)
    forth(tmp_path)
    expected = judge.append(tmp_path / "raft/wal", count=40, size="0..3000", segment=32768)
    outcome = back(tmp_path)
    assert not any("which has all that wal/ has" in sentence for sentence in outcome.plan)
    assert judge.digest(source) == ours.digest(source) == expected
    checked(source)
    assert judge.append(source, count=5).entries == expected.entries + 5
    checked(source)


@pytest.mark.parametrize("name", [*shapes.WAL, *shapes.RECORDED_WAL])
def test_a_wal_that_went_back_and_forth_holds_the_same(name: str, tmp_path: Path) -> None:
    wal = shapes.wal(name, tmp_path)
    shutil.copytree(wal, tmp_path / "for-raft-wal")
    expected = judge.digest(tmp_path / "for-raft-wal")
    if expected.first_index > 1:
        judge.judge("snapshot", f"-index={expected.first_index - 1}", wal.parent)
    back(tmp_path)
    forth(tmp_path)
    assert judge.digest(wal) == expected
    judge.judge("check", wal)
    grown = judge.append(wal, count=30, first=expected.last_index + 1)
    back(tmp_path)
    assert judge.digest(tmp_path / "raft/raft.db") == grown
    checked(tmp_path / "raft/raft.db")


CODE = """
import json, sys
from pathlib import Path
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import convert
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.writer import BoltStoreWriter
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.request import no_progress
from support.stores import ours
wal, raft_db, page_size, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
with ours.opened(wal) as source:
    writer = BoltStoreWriter(Directory.open(str(raft_db.parent)), raft_db.name, page_size)
    convert.convert(source, writer, source.extents(), source.stable(), workers, no_progress)
    writer.close()
    with ours.opened(raft_db) as made:
        print(json.dumps(convert.verify(source, made, source.extents(), workers, no_progress)))
"""


def convert_alone(wal: Path, raft_db: Path, page_size: int, workers: int) -> int:
    """In a process of its own: workers are forked, and the process that runs the tests has threads."""
    line = [sys.executable, "-c", CODE, str(wal), str(raft_db), str(page_size), str(workers)]
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=True)
    return int(json.loads(done.stdout))


@pytest.mark.parametrize("page_size", [1024, 4096, 16384, 65536])
@pytest.mark.parametrize("name", ["wal-sealed-segments", "wal-entries-above-limit", "wal-odd-sizes"])
def test_bbolt_takes_any_page_size(name: str, page_size: int, tmp_path: Path) -> None:
    wal = shapes.wal(name, tmp_path)
    expected = judge.digest(wal)
    raft_db = tmp_path / "made.db"
    assert convert_alone(wal, raft_db, page_size, 1) == expected.entries
    assert checked(raft_db)["page_size"] == page_size
    assert judge.digest(raft_db) == expected
    live_on(raft_db, expected)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a WAL of 30 MB in several segments, and the raft.db that it was made from."""
    where = tmp_path_factory.mktemp("large")
    judge.judge("gen", "-shape=exponential", "-count=30000", "-batch=3000", where / "source.db")
    judge.judge("to-wal", "-segment", 4 << 20, where / "source.db", where / "wal")
    return where


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_number_of_workers_does_not_change_what_is_stored(workers: int, large: Path, tmp_path: Path) -> None:
    """Several large parts, each with branch pages of its own, and three levels."""
    expected = judge.digest(large / "source.db")
    assert convert_alone(large / "wal", tmp_path / "raft.db", PAGE_SIZE, workers) == expected.entries
    about = checked(tmp_path / "raft.db")
    assert about["free_pages"] == 0 and about["logs_depth"] >= 3
    assert judge.digest(tmp_path / "raft.db") == expected
    if workers == 3:
        live_on(tmp_path / "raft.db", expected)
