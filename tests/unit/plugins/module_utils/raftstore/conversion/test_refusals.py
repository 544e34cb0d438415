# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every reason is a sentence with a path and a remedy, also when little is known."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion import refusals
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.observe import Found
from support.conversions.ways import TO_WAL, go
from support.stores.builder import entries_of, log, raft_directory, write_boltdb, write_wal


@pytest.mark.parametrize("number", [*sorted(refusals.REASONS), 0, 99])
def test_every_reason_stands_by_itself(number: int, tmp_path: Path) -> None:
    found = Found(Directory.open(str(tmp_path)), False)
    error = refusals.refusal(number, found)
    assert isinstance(error, StoreError)
    assert error.path.startswith(str(tmp_path)) and error.what and error.hint
    assert "None" not in str(error)


@pytest.mark.parametrize("sound", ["raft.db", "wal/"])
def test_beside_a_damaged_store_the_sound_one_is_named_first(sound: str, tmp_path: Path) -> None:
    """A server that runs on the sound one has nothing to give up."""
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", log(5))
    damaged = raft / ("wal/wal-meta.db" if sound == "raft.db" else "raft.db")
    damaged.write_bytes(b"x" * 65536)
    with pytest.raises(StoreError, match=r"move .* away and run again\. If not: .* look again") as caught:
        go(TO_WAL, raft)
    assert f"{sound} (term 3, voted in term 3, entries 1 to 5)" in str(caught.value)
    assert "can be read: if the server last ran on that one" in str(caught.value)
    damaged.unlink()
    if sound == "raft.db":
        shutil.rmtree(raft / "wal")
    go(TO_WAL, raft)
    assert len(entries_of(raft / "wal")) == 5 + 1
