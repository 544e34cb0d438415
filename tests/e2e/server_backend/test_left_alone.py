# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_backend left alone at each step, killed, and called twice at once."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from support.cluster.server import Server
from support.cluster.witness import Witness
from support.paths import CHECKOUT
from support.rolls import adhoc, backend
from support.rolls.backend import configuration, faulty, is_wholly_on, stop_and

# --- left alone


@pytest.mark.parametrize("step", backend.STEPS)
@pytest.mark.parametrize("name", ["wal", "boltdb"])
def test_what_began_it_is_killed_and_the_server_is_back_by_itself(
    server: Server, watched: Witness, name: str, step: str
) -> None:
    if name == "boltdb":
        assert not backend.call(server, backend="wal").get("failed")
    before, call = backend.number(server), backend.Call(backend.arguments(server, backend=name, origin="controller-1"))
    backend.wait_for(server, step, before)
    call.kill()
    backend.wait_over(server)
    assert is_wholly_on(server, name)
    told = backend.call(server, backend=name)
    assert not told["changed"] and told["earlier"]["origin"] == "controller-1", told
    assert told["earlier"]["sentence"].endswith("its own host finished it: the server is back.")
    assert told["earlier"]["result"]["backend"] == name
    assert backend.call(server, backend=name)["earlier"] is None


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_the_signals_of_a_session_that_ends_do_not_reach_it(server: Server, number: int) -> None:
    before, call = backend.number(server), backend.Call(backend.arguments(server))
    backend.wait_for(server, "stop", before)
    note = backend.place(server).note()
    assert note is not None
    os.kill(note.pid, number)
    call.kill(number)
    backend.wait_over(server)
    assert is_wholly_on(server, "wal")


def test_ansible_and_all_it_started_are_killed_and_the_server_is_back_by_itself(
    server: Server, watched: Witness, tmp_path: Path
) -> None:
    """With the module's own files, which are gone with it: nothing may have to be imported any more."""
    inventory = adhoc.inventory(tmp_path / "inventory.json", {server.name: {}})
    slow = stop_and(server, "sleep 2")
    given = backend.arguments(server, stop_command=slow, start_command=faulty(server, "fail"))
    before = backend.number(server)
    child = subprocess.Popen(
        adhoc.command(inventory, "server_backend", given),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=adhoc.environment(ANSIBLE_LOCAL_TEMP=str(tmp_path / "local"), ANSIBLE_REMOTE_TEMP=str(tmp_path / "remote")),
        cwd=CHECKOUT,
        start_new_session=True,
    )
    backend.wait_for(server, "stop", before)
    backend.kill_tree(child.pid)
    child.wait(30)
    subprocess.run(["rm", "-rf", str(tmp_path / "local"), str(tmp_path / "remote")], check=True)
    backend.wait_over(server)
    assert is_wholly_on(server, "boltdb")  # the whole way there, the failure, and the way back
    told = backend.call(server, backend="boltdb")
    assert told["earlier"]["result"]["left"] == "returned" and "has failed: Start" in told["earlier"]["sentence"], told


def test_the_process_itself_is_killed_and_the_next_call_says_so_and_goes_on(server: Server, watched: Witness) -> None:
    """The one death that needs a re-run."""
    before, call = backend.number(server), backend.Call(backend.arguments(server))
    (server.config_dir / "raft_logstore.hcl").unlink(missing_ok=True)
    as_it_was = configuration(server)
    backend.wait_for(server, "conversion", before)
    note = backend.place(server).note()
    assert note is not None
    os.kill(note.pid, signal.SIGKILL)
    result = call.result()
    assert result["failed"] and "has ended before it was done" in result["msg"], result
    # Were it to fail now, the configuration would be what it was before the first of the two.
    again = backend.call(server, start_command=faulty(server, "fail"))
    assert again["failed"] and again["left"] == "returned", again["msg"]
    assert configuration(server) == as_it_was and is_wholly_on(server, "boltdb")


# --- two at once


def test_a_call_for_the_same_attaches_and_one_for_another_is_refused(server: Server, watched: Witness) -> None:
    slow = stop_and(server, "sleep 3")
    before = backend.number(server)
    first = backend.Call(backend.arguments(server, stop_command=slow, origin="controller-1"))
    backend.wait_for(server, "stop", before)
    refused = backend.call(server, backend="boltdb")
    second = backend.Call(backend.arguments(server, origin="controller-2"))
    results = [first.result(), second.result()]
    assert [result["attached"] for result in results] == [False, True], results
    same = ("phases", "conversion", "configuration", "plan", "previous_backend", "backend")
    assert all(results[0][name] == results[1][name] for name in same)
    assert refused["failed"] and "cannot be brought to boltdb now" in refused["msg"]
    assert "to wal for controller-1 since" in refused["msg"] and "Wait until it has ended" in refused["msg"]
    assert is_wholly_on(server, "wal")


def test_of_two_that_come_in_the_same_moment_one_attaches(server: Server) -> None:
    calls = [backend.Call(backend.arguments(server)) for _number in range(2)]
    results = [call.result() for call in calls]
    assert sorted(result["attached"] for result in results) == [False, True], results
    assert is_wholly_on(server, "wal")
