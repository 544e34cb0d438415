# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What names and locks tell, as the words of the state table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.observe import Found, observe
from support.stores.builder import (
    BACKUP,
    log,
    lonely_proc,
    raft_directory,
    write_boltdb,
    write_guard,
    write_journal,
    write_snapshot,
    write_wal,
)


def look(raft: Path, change: bool = False) -> Dict[str, str]:
    """The words that differ from those of an empty directory."""
    directory = Directory.open(str(raft))
    found = Found(directory, change, lonely_proc(raft.parents[1]))
    try:
        return {name: word for name, word in vars(observe(found)).items() if word != EMPTY[name]}
    finally:
        found.close()
        directory.close()


EMPTY = {
    "raft_db": "-", "wal": "-", "relation": "", "past": "", "backup": "", "journal": "-", "leftovers": "none",
    "names": "one", "place": "here", "store_lock": "free", "run_lock": "free",
}  # fmt: skip


@pytest.mark.parametrize("change", [False, True])
def test_words(change: bool, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    assert look(raft, change) == {}
    write_boltdb(raft / "raft.db", log(2))
    assert look(raft, change) == {"raft_db": "ok"}
    os.link(raft / "raft.db", raft / BACKUP)
    assert look(raft, change) == {"raft_db": "ok", "names": "ours"}
    os.link(raft / "raft.db", tmp_path / "other")
    assert look(raft, change) == {"raft_db": "ok", "names": "foreign"}
    (raft / "raft.db").unlink()
    write_guard(raft)
    write_wal(raft / "wal", log(2))
    write_journal(raft)
    (raft / "wal.partial").mkdir()
    assert look(raft, change) == {"raft_db": "G", "wal": "ok", "journal": "open", "leftovers": "some"}
    for path in (raft / "wal").iterdir():
        path.unlink()
    (raft / "raft.db").unlink()
    (raft / "raft.db").touch()
    assert look(raft, change) == {"raft_db": "0", "wal": "0", "journal": "open", "leftovers": "some"}


def test_two_lookers_do_not_disturb_each_other_but_a_changer_sees_them(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(2))
    directory = Directory.open(str(raft))
    first = Found(directory, False, lonely_proc(tmp_path))
    observe(first)
    assert look(raft) == {"raft_db": "ok"}
    assert look(raft, change=True) == {"raft_db": "ok", "store_lock": "taken"}
    first.close()


def test_the_newest_whole_snapshot_counts(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_snapshot(raft, 9, crc=1)
    write_snapshot(raft, 5)
    found = Found(Directory.open(str(raft)), False)
    observe(found)
    assert found.snapshot_index() == 5 == found.snapshot_index()
