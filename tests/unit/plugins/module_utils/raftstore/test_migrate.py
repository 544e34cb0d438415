# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A conversion as a whole: the directory given, the configuration, copies, names, locks.

The rows of the state table are in the files beside this one.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import (
    Refused,
)
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import migrate
from support.conversions.checked import on, refused, run
from support.stores.builder import (
    BACKUP,
    clock,
    entries_of,
    listing,
    log,
    nomad_start,
    nomad_store,
    raft_directory,
    request,
    write_boltdb,
    write_snapshot,
)


@pytest.mark.parametrize("depth", ["data_dir", "server", "raft"])
def test_the_directory_may_be_given_at_three_depths(depth: str, tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    given = {"data_dir": tmp_path, "server": tmp_path / "server", "raft": raft}[depth]
    assert migrate(request(given), clock=clock).raft_dir == str(raft)


@pytest.mark.parametrize("link", ["server", "server/raft"])
def test_links_of_another_user_below_the_given_directory_are_refused(link: str, tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path / "real")
    data_dir = tmp_path / "data"
    (data_dir / link).parent.mkdir(parents=True)
    (data_dir / link).symlink_to(raft if link == "server/raft" else raft.parent)
    os.chown(data_dir / link, 4711, 4711, follow_symlinks=False)
    before = listing(tmp_path)
    with pytest.raises(Refused, match="symbolic link"):
        migrate(request(data_dir))
    assert listing(tmp_path) == before


@pytest.mark.parametrize("size", [0, 2048, -1])
def test_segment_sizes_that_break_a_wal_are_refused(size: int, tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    refused(raft, Refused, wal_segment_size=size)


def test_the_configuration_must_say_wal(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    assert "boltdb" in refused(raft, Refused, effective_backend=lambda: "boltdb").what
    told = migrate(request(raft, effective_backend=lambda: "boltdb", check=True), clock=clock)
    assert told.plan and any("backend = boltdb" in warning for warning in told.warnings)
    outcome = run(raft, effective_backend=lambda: "wal")
    assert outcome.warnings == []


def test_the_configuration_is_read_again_before_the_switch(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    lines = entries_of(raft / "raft.db")
    answers = iter(["wal", "boltdb"])
    with pytest.raises(Refused, match="boltdb"):
        migrate(request(raft, effective_backend=lambda: next(answers)), clock=clock)
    assert nomad_start(raft, "boltdb") == "raft.db" and nomad_start(raft, "wal") == "refuses"
    assert run(raft, effective_backend=lambda: "wal").resumed
    on(raft, "wal", lines)


def test_a_missing_configuration_is_a_warning(tmp_path: Path) -> None:
    outcome = run(nomad_store("compacted", tmp_path))
    assert any("raft_logstore" in warning for warning in outcome.warnings)


def test_a_copy_in_backup_dir(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path / "data")
    old = (raft / "raft.db").read_bytes()
    copies = tmp_path / "copies"
    copies.mkdir()
    (copies / BACKUP).write_text("taken")
    run(raft, backup_dir=str(copies))
    assert (copies / f"{BACKUP}-2").read_bytes() == old
    assert (copies / f"{BACKUP}-2").stat().st_mode & 0o777 == 0o600
    assert (copies / BACKUP).read_text() == "taken"


def test_a_backup_dir_that_cannot_be_is_refused_first(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    before = listing(raft)
    for bad in (str(tmp_path / "missing"), str(raft)):
        with pytest.raises(Refused):
            migrate(request(raft, backup_dir=bad))
    assert listing(raft) == before


def test_names_that_are_taken_get_a_number(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    (raft / BACKUP).write_text("of somebody")
    write_snapshot(raft, 300)
    outcome = run(raft)
    assert outcome.backup == str(raft / f"{BACKUP}-2")
    assert (raft / BACKUP).read_text() == "of somebody"


def test_no_lock_is_left_behind(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    open_before = len(os.listdir("/proc/self/fd"))
    migrate(request(raft), clock=clock)
    migrate(request(raft, backend="boltdb"), clock=clock)
    migrate(request(raft), clock=clock)
    next(raft.glob("raft.db.migrated.*")).unlink()
    migrate(request(raft, backend="boltdb"), clock=clock)
    assert len(os.listdir("/proc/self/fd")) == open_before
    fd = os.open(raft, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(fd)


def test_a_lock_that_outlives_its_process_is_waited_for(tmp_path: Path) -> None:
    """A re-run that comes while a killed run dies: the kernel may give up the directory's lock before the store's."""
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(5))
    lines = entries_of(raft / "raft.db")
    fd = os.open(raft / "raft.db", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    dying = threading.Timer(0.3, os.close, [fd])  # nobody else is seen to have it open
    dying.start()
    assert migrate(request(raft), clock=clock).changed
    dying.join()
    on(raft, "wal", lines)
