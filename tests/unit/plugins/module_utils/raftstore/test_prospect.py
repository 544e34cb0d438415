# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What raft_store_info says of a conversion is what the conversion says when it is run."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path
from typing import Any, Dict, Optional

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import NoSpace, StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.describe import describe
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import migrate
from ansible_collections.raftops.nomad.plugins.module_utils._text.sizes import human
from support.stores.builder import (
    clock,
    listing,
    log,
    nomad_store,
    raft_directory,
    request,
    write_boltdb,
    write_snapshot,
    write_wal,
)


def info(raft: Path, **options: Any) -> Dict[str, Any]:
    """The result; nothing may have changed, not even a lock be left."""
    before = listing(raft)
    result = describe(str(raft), **options)
    assert listing(raft) == before
    return result


def locked(path: Path) -> int:
    """The file as a running Nomad has it; to be closed."""
    fd = os.open(path, os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


@pytest.mark.parametrize("size", [1, 64, 2047])
@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize(
    ("store", "backend"), [("compacted", "wal"), ("restored-gap", "wal"), ("wal-follower", "boltdb")]
)
def test_the_space_is_what_the_conversion_asks_for(
    store: str, backend: str, copied: bool, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raft = nomad_store(store, tmp_path)
    backup_dir = str(tmp_path) if copied else None
    options: Dict[str, Any] = {"wal_segment_size": size, "backup_dir": backup_dir}
    needed = info(raft, backend=backend, **options)["estimated_bytes"]
    if backend == "wal":
        assert info(raft, **options)["required_bytes"] == needed > size << 20
    monkeypatch.setattr(Directory, "free_bytes", lambda _self: needed - 1)
    refused = info(raft, backend=backend, **options)
    with pytest.raises(NoSpace) as caught:
        migrate(request(raft, backend=backend, **options), clock=clock)
    assert refused["refusal"] == str(caught.value)
    assert refused["estimated_bytes"] == needed
    if backend == "wal":
        assert (refused["required_bytes"], refused["migratable"]) == (needed, False)
        assert refused["problems"] == [str(caught.value)]
    monkeypatch.setattr(Directory, "free_bytes", lambda _self: needed)
    assert info(raft, backend=backend, **options)["refusal"] == ""
    assert migrate(request(raft, backend=backend, **options), clock=clock).changed


@pytest.mark.parametrize(("store", "backend", "file"), [
    ("compacted", "wal", "raft.db"), ("follower", "wal", "raft.db"), ("wal-follower", "boltdb", "wal/wal-meta.db"),
])  # fmt: skip
def test_while_it_is_in_use_the_space_is_told_from_the_files_and_not_too_small(
    store: str, backend: str, file: str, tmp_path: Path
) -> None:
    raft = nomad_store(store, tmp_path)
    fd = locked(raft / file)
    told = info(raft, backend=backend, wal_segment_size=3)
    os.close(fd)
    assert told["required_bytes"] is None
    assert told["estimated_bytes"] >= info(raft, backend=backend, wal_segment_size=3)["estimated_bytes"]


def test_no_space_is_asked_for_where_nothing_is_built(tmp_path: Path) -> None:
    raft = nomad_store("wal-follower", tmp_path)
    result = info(raft, backend="wal")
    assert (result["required_bytes"], result["estimated_bytes"], result["migratable"]) == (None, None, True)
    raft = raft_directory(tmp_path / "empty")
    result = info(raft, backend="wal")
    assert (result["required_bytes"], result["estimated_bytes"], result["migratable"]) == (None, None, True)


@pytest.mark.parametrize("backend", ["wal", "boltdb", None])
def test_a_refusal_is_that_of_the_backend_asked_for(backend: Optional[str], tmp_path: Path) -> None:
    """A log with a hole stays on BoltDB, and cannot be brought to WAL."""
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", [*log(3), *log(9, 6)])
    result = info(raft, backend=backend)
    with pytest.raises(StoreError) as caught:
        migrate(request(raft), clock=clock)
    assert result["refusal"] == (str(caught.value) if backend == "wal" else "")
    assert (result["migratable"], result["problems"]) == (False, [str(caught.value)])


def test_a_segment_size_that_breaks_a_wal_makes_it_impossible(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    result = info(raft, wal_segment_size=2048)
    assert not result["migratable"] and "Use 1 to 2047" in result["problems"][0]


def test_the_plan_of_a_running_server_says_what_it_does_not_know(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    fd = os.open(raft / "raft.db", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    result = info(raft)
    assert result["migratable"] and len(result["problems"]) == 1
    assert "unknown until it is stopped" in result["problems"][0]
    most = info(raft, backend="wal")["estimated_bytes"]
    assert f"that takes at most {human(most)}, and " in result["problems"][0]
    assert most - (64 << 20) >= result["size"]
    told = migrate(request(raft, check=True), clock=clock)
    assert any("the real run would refuse" in warning for warning in told.warnings)
    os.close(fd)
    assert info(raft)["required_bytes"] <= most and info(raft)["problems"] == []


def test_a_running_server_without_room_for_one_segment_is_not_migratable(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(disk)], check=True)
    try:
        raft = nomad_store("compacted", disk)
        fd = os.open(raft / "raft.db", os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        result = info(raft)
        assert not result["migratable"] and "are free" in result["problems"][0]
        with pytest.raises(NoSpace, match="entries not counted"):
            migrate(request(raft, wal_segment_size=8, check=True), clock=clock)
        assert migrate(request(raft, check=True), clock=clock).plan
        os.close(fd)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("last", [5, 9])
def test_two_stores_in_use_stop_no_plan(last: int, tmp_path: Path) -> None:
    """A server that went on in raft.db beside a published wal/ can be brought to WAL once it is stopped."""
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    write_wal(raft / "wal", log(last))
    fd = os.open(raft / "raft.db", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    result = info(raft)
    assert (result["state"], result["in_use"], result["migratable"]) == ("both", True, True)
    assert ["until it is stopped" in problem for problem in result["problems"]] == [True]
    os.close(fd)
    result = info(raft)
    assert result["migratable"] and result["problems"] == []


def test_what_stands_against_a_conversion_is_said(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", [*log(3), *log(9, 6)])
    result = info(raft)
    assert not result["migratable"] and "begins at index 6" in result["problems"][0]
    assert result["gaps"] == [{"first": 4, "last": 5}]
    write_snapshot(raft, 5)
    result = info(raft)
    assert result["migratable"] and result["required_bytes"] > 64 << 20
