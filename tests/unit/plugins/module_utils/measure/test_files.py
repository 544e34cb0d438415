# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which store's files are there, and how much they hold, of stores that Nomad wrote."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._measure.files import files, sentence
from support.recordings import unpack_store


def test_a_raft_db_that_was_made_longer_holds_no_more(tmp_path: Path) -> None:
    """BoltDB makes it longer by 16 MB at a time."""
    path = unpack_store("follower", tmp_path) / "raft.db"
    before, length = files(str(tmp_path)), path.stat().st_size
    assert (before.backend, before.size) == ("boltdb", length) and 0 < before.written <= length
    os.truncate(path, length + (16 << 20))
    after = files(str(tmp_path))
    assert after.size == length + (16 << 20) and after.written == before.written


def test_the_guard_beside_a_wal_is_no_store(tmp_path: Path) -> None:
    raft = unpack_store("wal-follower", tmp_path)
    (raft / "raft.db").symlink_to("guard")
    found = files(str(tmp_path))
    assert found.backend == "wal" and found.size == sum(path.stat().st_size for path in (raft / "wal").iterdir())


def test_an_empty_raft_directory_has_none(tmp_path: Path) -> None:
    (tmp_path / "server/raft").mkdir(parents=True)
    (tmp_path / "server/node-id").write_text("e93eaec1-b82a-bf92-f2a5-79d404511e21")
    assert files(str(tmp_path))[:2] == ("e93eaec1-b82a-bf92-f2a5-79d404511e21", "")


def test_a_place_without_one_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as raised:
        files(str(tmp_path))
    assert "there is no Raft directory here" in sentence(raised.value, str(tmp_path))
    assert str(tmp_path) in sentence(OSError(5, "Input/output error"), str(tmp_path))
