# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody has a store open, seen on the locks that Nomad's own stores take."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import InUse, Refused
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.released import (
    check_released,
    is_in_use,
    wait_until_released,
)
from support.stores.builder import nomad_store


@pytest.mark.parametrize(("store", "file"), [("follower", "raft.db"), ("wal-follower", "wal/wal-meta.db")])
def test_a_locked_store_is_in_use_until_the_lock_is_gone(store: str, file: str, tmp_path: Path) -> None:
    raft = nomad_store(store, tmp_path)
    check_released(str(raft))
    fd = os.open(raft / file, os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert is_in_use(str(raft))
    with pytest.raises(InUse):
        check_released(str(raft))
    wait_until_released(str(raft), 60, sleep=lambda _seconds: os.close(fd))
    check_released(str(raft))
    assert not is_in_use(str(raft))


def test_a_process_that_has_the_file_open_without_a_lock_is_named(tmp_path: Path) -> None:
    raft = nomad_store("follower", tmp_path)
    program = "import sys; file = open(sys.argv[1], 'rb'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(raft / "raft.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        with pytest.raises(InUse, match=f"PID {reader.pid}"):
            check_released(str(raft))
        reader.communicate()
    check_released(str(raft))


def test_it_gives_up_in_time(tmp_path: Path) -> None:
    raft = nomad_store("follower", tmp_path)
    moments = iter([0.0, 1.0, 4.9, 5.0])
    waits = []
    with open(raft / "raft.db", "rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InUse):
            wait_until_released(str(raft), 5, clock=lambda: next(moments), sleep=waits.append)
    assert len(waits) == 2


def test_no_raft_directory_is_no_released_one(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        wait_until_released(str(tmp_path), 5)
