# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the stores, as the words of the state table; damage further inside than opening looks."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import List, Optional

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Stable
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb import survey
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.evidence import Evidence
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.journal import Promise
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.observe import Found, observe
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.readstores import read
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.entry import digest_line, encode_msgpack
from support.stores.bboltimage import raft_db
from support.stores.builder import (
    BACKUP,
    STAMP,
    VOTED,
    log,
    lonely_proc,
    raft_directory,
    write_boltdb,
    write_guard,
    write_journal,
    write_snapshot,
    write_wal,
)

PROBLEMS: List[str] = []


def look(raft: Path, workers: int = 1) -> Evidence:
    directory = Directory.open(str(raft))
    found = Found(directory, True, lonely_proc(raft.parents[1]))
    try:
        evidence = read(found, observe(found), workers)
        PROBLEMS[:] = [str(problem) for problem in found.problems]
        return evidence
    finally:
        found.close()
        directory.close()


def test_as_many_processes_as_wanted_read_a_large_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raft, forked, fork = raft_directory(tmp_path), [], os.fork
    image = raft_db([(entry.index, encode_msgpack(entry)) for entry in log(300)])
    (raft / "raft.db").write_bytes(image.data)
    monkeypatch.setattr(survey, "SHARED_MIN", len(image.data))
    monkeypatch.setattr(os, "fork", lambda: forked.append(1) or fork())
    for workers, forks in (1, 0), (3, 3):
        assert look(raft, workers).raft_db == "ok"
        assert len(forked) == forks
    monkeypatch.setattr(survey, "SHARED_MIN", len(image.data) + 1)
    assert look(raft, 3).raft_db == "ok" and len(forked) == 3, "a small one is not worth it"


@pytest.mark.parametrize("stable", [Stable(), Stable(0, None, None)])
def test_no_entries_and_no_term_is_held_by_anything(stable: Stable, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", [], stable)
    assert look(raft).raft_db == "0"
    write_wal(raft / "wal", [], Stable(1, None, None))
    assert look(raft).relation == "wal/ covers raft.db"


def test_a_term_without_entries_is_a_store(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", [], Stable(1, None, None))
    assert look(raft).raft_db == "ok"


def test_damage_inside_is_told_from_the_right_store(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", log(5))
    segment = next((raft / "wal").glob("*.wal"))
    good = segment.read_bytes()
    segment.write_bytes(good.replace(b"entry 2 of term 3", b"entry 2 of tErm 3", 1))
    assert (look(raft).raft_db, look(raft).wal) == ("ok", "bad")
    assert str(segment) in PROBLEMS[-1]
    segment.write_bytes(good)
    data = (raft / "raft.db").read_bytes()
    at = data.index(b"\xaaAppendedAt") - 1
    (raft / "raft.db").write_bytes(data[:at] + b"\xff" + data[at + 1 :])
    assert (look(raft).raft_db, look(raft).wal) == ("bad", "ok")
    assert str(raft / "raft.db") in PROBLEMS[-1]


def test_the_marker_of_the_nomad_command_counts_only_without_our_journal(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    (raft / ".migration-in-progress").touch()
    write_boltdb(raft / "raft.db", log(5))
    assert look(raft).wal == "-"
    write_wal(raft / "wal", log(2))
    assert look(raft).wal == "0"
    write_journal(raft)
    assert (look(raft).wal, look(raft).relation) == ("ok", "raft.db covers wal/")
    (raft / ".raft-migrate.json").unlink()
    (raft / "raft.db").unlink()
    assert look(raft).wal == "ok"
    write_guard(raft)
    assert look(raft).wal == "ok"


def test_the_past_of_a_directory_without_store(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    assert look(raft).past == "none"
    write_journal(raft, "done")
    assert look(raft).past == "blank"
    write_boltdb(raft / BACKUP, [], Stable())
    (raft / f"raft.db.superseded.{STAMP}").touch()
    assert look(raft).past == "blank"
    (raft / f"wal.superseded.{STAMP}").mkdir()
    assert look(raft).past == "recorded", "an old store that cannot be read may have everything"
    (raft / f"wal.superseded.{STAMP}").rmdir()
    write_wal(raft / f"wal.migrated.{STAMP}", [], Stable())
    assert look(raft).past == "blank"
    write_journal(raft, "done", copied=Promise(7))
    assert look(raft).past == "recorded"
    (raft / ".raft-migrate.json").unlink()
    write_snapshot(raft, 5)
    assert look(raft).past == "recorded"


def test_the_backup_of_an_open_journal(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_wal(raft / "wal", log(5))
    write_guard(raft)
    write_journal(raft, backup=None)
    assert look(raft).backup == "covered"
    write_journal(raft)
    assert look(raft).backup == "covered"
    write_boltdb(raft / BACKUP, log(4))
    assert look(raft).backup == "covered"
    (raft / BACKUP).unlink()
    write_boltdb(raft / BACKUP, log(6))
    assert look(raft).backup == "not covered"
    write_journal(raft, "done")
    assert look(raft).backup == ""


@pytest.mark.parametrize(
    ("last", "crc", "expected"), [(9, None, "raft.db covers wal/"), (9, 1, "equal"), (5, None, "equal")]
)
def test_an_equal_wal_on_which_raft_could_not_go_on_is_converted_again(
    last: int, crc: Optional[int], expected: str, tmp_path: Path
) -> None:
    """A run was killed after it had published wal/; then the server has installed a snapshot, its log left as it is."""
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", log(5))
    write_snapshot(raft, last, crc=crc)
    assert look(raft).relation == expected


def test_a_backup_is_covered_by_a_wal_that_was_emptied_for_a_snapshot(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / BACKUP, log(5))
    write_wal(raft / "wal", [])
    write_guard(raft)
    digest = hashlib.sha256(digest_line(log(5)[-1])).hexdigest()
    source = Promise(*VOTED, first_index=1, last_index=5, last_entry_sha256=digest)
    write_journal(raft, source=source, copied=source)
    assert look(raft).backup == "not covered"
    write_snapshot(raft, 5)
    assert look(raft).backup == "covered"
