# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much free space is asked for: enough for what is written, and not absurd; and what is refused without it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import (
    NoSpace,
)
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.space import (
    BOLTDB_GROWTH,
    META_LEN,
    required_bytes,
    required_bytes_back,
)
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.entry import Entry
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.gotime import GoTime
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import migrate
from support.conversions.checked import refused, run
from support.stores.builder import (
    clock,
    listing,
    nomad_store,
    raft_directory,
    request,
    write_guard,
    write_wal,
)


def test_space_is_asked_for_live_entries_and_one_more_segment() -> None:
    assert required_bytes(1000, 64) - required_bytes(0, 64) == 1000
    assert required_bytes(0, 64) >= 64 << 20
    assert required_bytes(0, 2) - required_bytes(0, 1) == 1 << 20


@pytest.mark.parametrize("data_len", [0, 30, 200, 900, 1300, 2048, 3900, 4096, 20000])
def test_the_space_for_the_way_back_is_enough_and_not_absurd(data_len: int, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    entries = [Entry(index, 3, 0, bytes(data_len), b"", GoTime(index, 5)) for index in range(1, 400)]
    write_wal(raft / "wal", entries)
    write_guard(raft)
    live_len = sum(path.stat().st_size for path in (raft / "wal").glob("*.wal"))
    asked = required_bytes_back(live_len, len(entries), os.sysconf("SC_PAGE_SIZE")) - BOLTDB_GROWTH - META_LEN
    migrate(request(raft, backend="boltdb"), clock=clock)
    written = (raft / "raft.db").stat().st_size - 5 * os.sysconf("SC_PAGE_SIZE")
    assert written <= asked <= 2 * written + 8192


def test_the_space_for_the_way_back_is_asked_for_before_anything_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raft = nomad_store("wal-follower", tmp_path)
    before = listing(raft)
    monkeypatch.setattr(Directory, "free_bytes", lambda _self: 16 << 20)
    with pytest.raises(NoSpace, match="and 16 MB are free, "):
        migrate(request(raft, backend="boltdb"), clock=clock)
    assert listing(raft) == before


@pytest.fixture(name="small_disk")
def make_small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_too_little_space_is_refused(small_disk: Path) -> None:
    """Live entries and one more full segment are asked for: a WAL that cannot allocate its next one stops appending."""
    raft = nomad_store("compacted", small_disk)
    assert "are free" in refused(raft, NoSpace, wal_segment_size=8).what
    copies = raft.parent / "copies"
    copies.mkdir()
    (raft.parent / "ballast").write_bytes(bytes(5 << 20))
    assert "are free" in refused(raft, NoSpace, wal_segment_size=2, backup_dir=str(copies)).what
    assert run(raft, wal_segment_size=1).entries == 94
