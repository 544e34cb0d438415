# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A long wait is not mute: it says what it waits for."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from support.rolls import adhoc


@pytest.mark.parametrize("module", ["server_wait", "raft_write_check"])
def test_a_wait_says_what_it_waits_for(tmp_path: Path, module: str) -> None:
    inventory = adhoc.inventory(tmp_path / "inventory.json", {"h1": {}})
    done = adhoc.run(inventory, module, {"port": 1, "wait_timeout": 9})
    told = [line for line in done.output.splitlines() if line.startswith("h1: waits until ")]
    assert done.returncode != 0 and len(told) == 1, done.output
    assert "http://127.0.0.1:1" in told[0] and told[0].endswith("(5 s of 9 s)"), told


def test_a_snapshot_that_does_not_come_is_not_waited_for_in_silence(tmp_path: Path) -> None:
    """A listener that never answers."""
    inventory = adhoc.inventory(tmp_path / "inventory.json", {"h1": {}})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = {"port": listener.getsockname()[1], "timeout": 8, "dest": str(tmp_path / "snapshots")}
        done = adhoc.run(inventory, "snapshot_save", arguments)
    told = [line for line in done.output.splitlines() if line.startswith("h1: saves a snapshot")]
    assert done.returncode != 0 and told == ["h1: saves a snapshot: the server takes it"], done.output
