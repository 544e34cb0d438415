# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server_backend that Ansible has begun over ssh, and that is left alone at a moment between the stop and *back*.

The ways to be left alone are those of moments.py, as far as a test process can play a host.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from support.cluster.server import Server
from support.paths import CHECKOUT
from support.rolls import adhoc, backend, overssh, playbooks
from support.rolls.backend import OTHER, is_wholly_on
from support.rolls.moments import CUT, HUNG_UP, KILLED, LOGGED_OUT, SSHD_STOPPED, Moment
from support.rolls.sshd import Hosts
from support.stores import judge

PATIENCE_S = 60
ANSWERS_S = 0.5  # a server that answers is not back yet, and has to stay so for a second


class Controller(NamedTuple):
    """One server as a host reached by ssh, its inventory, and the seconds from stop until back of a run in peace."""

    server: Server
    hosts: Hosts
    inventory: Path
    usual_s: float

    def began(self, moment: Moment, **given: Any) -> subprocess.Popen[bytes]:
        """Ansible at work on the server, in a process group of its own as a terminal's."""
        arguments = backend.arguments(self.server, backend=moment.backend, gate_timeout=60, **given)
        command = adhoc.command(self.inventory, "server_backend", arguments)
        if moment.program == "ansible-playbook":
            play = self.inventory.with_name("play.yml")
            tasks = [{"name": "One server", "raftops.nomad.server_backend": arguments}]
            play.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
            command = playbooks.command(str(play), self.inventory)
        with open(self.inventory.with_name("alone.log"), "wb") as log:
            return subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env=adhoc.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def next_run(self, name: str) -> dict[str, Any]:
        """The result of the same command, in peace."""
        ran = adhoc.run(self.inventory, "server_backend", backend.arguments(self.server, backend=name))
        assert ran.returncode == 0, ran.output
        return ran.results[self.server.name]


# --- the ways in which it is left alone


def killed(child: subprocess.Popen[bytes], _hosts: Hosts) -> None:
    backend.kill_tree(child.pid)


def hung_up(child: subprocess.Popen[bytes], _hosts: Hosts) -> None:
    os.killpg(child.pid, signal.SIGHUP)


def cut(child: subprocess.Popen[bytes], hosts: Hosts) -> None:
    sshd_stopped(child, hosts)
    hosts.up()


def logged_out(child: subprocess.Popen[bytes], hosts: Hosts) -> None:
    for host in hosts.all.values():
        for session in host.sessions:
            if session.poll() is None:
                os.killpg(session.pid, signal.SIGHUP)
                backend.kill_tree(session.pid)
    cut(child, hosts)


def sshd_stopped(_child: subprocess.Popen[bytes], hosts: Hosts) -> None:
    for host in hosts.all.values():
        host.down()


LOSE: dict[str, Callable[[subprocess.Popen[bytes], Hosts], None]] = {
    KILLED: killed,
    HUNG_UP: hung_up,
    CUT: cut,
    LOGGED_OUT: logged_out,
    SSHD_STOPPED: sshd_stopped,
}


def survives(controller: Controller, moment: Moment) -> None:
    """Begin, be left alone at this moment, and see the server come back, and what the next run says of it."""
    server, goal = controller.server, moment.backend
    if backend.running(server) == goal:  # a moment before has failed
        assert not backend.call(server, backend=OTHER[goal]).get("failed")
    given = {"start_command": backend.faulty(server, "fail", goal)} if moment.fails else {}
    before = backend.number(server)
    child = controller.began(moment, origin="controller-1", **given)
    backend.wait_for(server, "stop", before)
    step = come(server, moment.share * controller.usual_s)
    assert child.poll() is None and backend.place(server).is_at_work(), "the moment came too late"
    LOSE[moment.way](child, controller.hosts)
    backend.wait_over(server)
    print(f"{moment}: at {step}")
    assert is_wholly_on(server, OTHER[goal] if moment.fails else goal)
    assert child.wait(PATIENCE_S) != 0
    controller.hosts.up()
    tells(controller, moment)
    assert is_wholly_on(server, goal)


def come(server: Server, seconds: float) -> str:
    """Return so long after a stop; sooner where the server is sooner back than usual. The step that it is at then."""
    answered = end = time.monotonic() + seconds
    while time.monotonic() < min(end, answered):
        time.sleep(backend.POLL_S)
        if answered == end and backend.step(server) == "rejoin" and _answers(server):
            answered = time.monotonic() + ANSWERS_S
    return backend.step(server)


def _answers(server: Server) -> bool:
    return server.try_api("GET", "/v1/agent/self").status == 200


def tells(controller: Controller, moment: Moment) -> None:
    """The next run says what became of the one before, goes on from there, and the host knows that it has been said."""
    told = controller.next_run(moment.backend)
    earlier = told["earlier"]
    assert earlier and earlier["origin"] == "controller-1", told
    if moment.fails:
        assert earlier["result"]["left"] == "returned" and "has failed: Start" in earlier["sentence"], earlier
    else:
        assert earlier["sentence"].endswith("its own host finished it: the server is back."), earlier
        assert earlier["result"]["conversion"]["verified"] == earlier["result"]["conversion"]["entries"] > 0
    assert (told["changed"], told["backend"]) == (moment.fails, moment.backend)
    note = backend.place(controller.server).note()
    assert note and backend.place(controller.server).untold(note) == ""


def assert_nothing_lost_in_any_conversion(server: Server) -> None:
    """Every store that was left as a backup is, entry by entry, in the one that the server has now, says the judge."""
    server.stop()
    now = server.raft_dir / ("wal" if (server.raft_dir / "wal").is_dir() else "raft.db")
    have = judge.digest_of_copy(now)
    backups = sorted(server.raft_dir.glob("*.migrated.*"))
    assert backups
    for path in backups:
        then = judge.digest_of_copy(path)
        first = max(then.first_index, have.first_index)  # what a snapshot has replaced is gone from both
        assert then.last_index > first
        span = ("-from", first, "-to", then.last_index)
        assert judge.digest_of_copy(path, *span).digest == judge.digest_of_copy(now, *span).digest, path
    server.start()


@contextlib.contextmanager
def reached(server: Server) -> Iterator[Controller]:
    """The server, on BoltDB, as a host reached by ssh."""
    in_peace = [backend.call(server, backend=name) for name in ("wal", "boltdb")]
    known = {"ansible_pipelining": True, "ansible_python_interpreter": playbooks.HOST_PYTHON}
    with overssh.reached([server.name], server.root) as (hosts, variables):
        named = {name: {**known, **reach} for name, reach in variables.items()}
        inventory = adhoc.inventory(server.root / "alone.json", named)
        yield Controller(server, hosts, inventory, in_peace[-1]["phases"]["total"])
