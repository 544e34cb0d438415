# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_backend when a step only seems to have succeeded: an agent that goes on, a server that goes again."""

from __future__ import annotations

import sys

from support.cluster import start_sick
from support.cluster.server import Server
from support.cluster.witness import Witness
from support.rolls import backend
from support.rolls.backend import configuration, is_wholly_on


def test_an_agent_that_goes_on_after_its_stop(server: Server, watched: Witness) -> None:
    """A stop command that succeeds and does nothing: nothing is converted, and nothing is started beside the agent."""
    pid, before = server.pid(), configuration(server)
    started = server.root / "started"
    result = backend.call(server, stop_command="/bin/true", start_command=f"touch {started}", stop_timeout=2)
    assert result["failed"] and result["step"] == "stop" and "in use by PID" in result["msg"], result
    assert (server.pid(), configuration(server)) == (pid, before) and is_wholly_on(server, "boltdb")
    assert not started.exists()


def test_a_server_that_is_back_but_does_not_stay(server: Server, watched: Witness) -> None:
    leaves = f"{sys.executable} {start_sick.__file__} leaves {server.root}"
    result = backend.call(server, start_command=leaves, stable_for=10, wait_timeout=15, return_on_failure=False)
    assert result["failed"] and (result["step"], result["left"]) == ("rejoin", "down"), result
    assert not server.is_running()
