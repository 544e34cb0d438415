# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_backend on a server whose server/raft is on a disk of its own, by a link of root's or a mount."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.attributes import mounted
from support.cluster.server import Server
from support.cluster.witness import Witness
from support.rolls import backend
from support.rolls.backend import is_wholly_on


@contextmanager
def moved(server: Server, disk: Path) -> Iterator[None]:
    """Its Raft directory is on `disk`, and in the end where it was; the server runs again each time."""
    server.stop()
    shutil.move(server.raft_dir, disk)
    try:
        yield
    finally:
        if server.is_running():
            server.stop()
        if server.raft_dir.is_symlink():
            server.raft_dir.unlink()
        elif server.raft_dir.exists():
            server.raft_dir.rmdir()
        shutil.move(disk, server.raft_dir)
        server.start()


def there_and_back(server: Server) -> None:
    for name in "wal", "boltdb":
        result = backend.call(server, backend=name)
        assert not result.get("failed"), result
        assert is_wholly_on(server, name)
        assert Path(result["conversion"]["backup"]).parent == server.raft_dir, "named as its owner does"


@pytest.mark.parametrize("relative", [False, True], ids=["absolute", "relative"])
def test_a_link_of_roots(server: Server, watched: Witness, tmp_path: Path, relative: bool) -> None:
    disk = server.root / "disk" if relative else tmp_path / "disk"
    with moved(server, disk):
        server.raft_dir.symlink_to("../../disk" if relative else disk)
        server.start()
        there_and_back(server)
        assert server.raft_dir.is_symlink() and (disk / "raft.db").is_file()


def test_a_link_of_another_user_and_the_remedy(server: Server, watched: Witness, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with moved(server, disk):
        server.raft_dir.symlink_to(disk)
        os.chown(server.raft_dir, 4711, 4711, follow_symlinks=False)
        server.start()
        result = backend.call(server)
        assert result["failed"] and result["left"] == "untouched", result
        assert "this is a symbolic link of another user, which is not followed" in result["msg"]
        assert "Let root own the link (chown -h root)" in result["msg"]
        os.chown(server.raft_dir, 0, 0, follow_symlinks=False)
        there_and_back(server)


def test_a_link_to_where_others_may_write_and_the_other_remedy(
    server: Server, watched: Witness, tmp_path: Path
) -> None:
    disk = tmp_path / "others/disk"
    disk.parent.mkdir()
    os.chown(disk.parent, 4711, 4711)
    with moved(server, disk):
        server.raft_dir.symlink_to(disk)
        server.start()
        result = backend.call(server)
        assert result["failed"] and f"others than root may write to {disk.parent}" in result["msg"], result
        server.stop()
        server.raft_dir.unlink()
        server.raft_dir.mkdir()
        with mounted("--bind", disk, server.raft_dir):
            server.start()
            try:
                there_and_back(server)
            finally:
                server.stop()
