# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server there and back over ssh with a long way: while it is out of the cluster, nothing is waited for on the way.

From the last look until the server is back the way stands still here. So a length of it, whatever it is, adds nothing
to the time out; `make bench-roll` compares the times with those of loopback.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.cluster.cluster import Cluster
from support.cluster.server import Server
from support.cluster.watcher import Watcher
from support.cluster.witness import witnessed
from support.paths import CHECKOUT
from support.rolls import adhoc, backend
from support.rolls.delayline import LongWay
from support.rolls.overssh import LINKS, ROUND_TRIP_S, hosts_of
from support.rolls.sshd import Hosts

BETWEEN_S = 0.2
LOOKS_S = 0.05
WIDE_LEN = 32 << 20
LOOPBACK, *OVER_SSH = LINKS


class Call(NamedTuple):
    """What was printed, and for how long the server was out, seen from outside."""

    ran: adhoc.Ran
    result: dict[str, Any]
    seen_s: float


def call_while_it_stands_still(
    cluster: Cluster, server: Server, name: str, inventory: Path, flags: tuple[str, ...], way: LongWay
) -> Call:
    """One ad-hoc call; from the last look until the server is back nothing gets through to it or from it."""
    before, watcher = backend.number(server), Watcher(cluster, LOOKS_S).start()
    given = backend.arguments(server, backend=name)
    command = adhoc.command(inventory, "server_backend", given, "--limit", server.name, *flags)
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=adhoc.environment(),
        cwd=CHECKOUT,
    )
    try:
        backend.wait_for(server, "last look", before)
        with way.still():
            backend.wait_over(server)
        output, _nothing = child.communicate(timeout=adhoc.TIMEOUT_S)
    finally:
        child.kill()
        watcher.stop()
    ran = adhoc.Ran(child.returncode, output, adhoc.results_in(output))
    return Call(ran, ran.results.get(server.name, {}), watcher.out_s[server.name])


@pytest.fixture(scope="module")
def calls(make_cluster: Callable[..., Cluster]) -> dict[tuple[str, str], Call]:
    """By link and backend."""
    cluster, way = make_cluster(), LongWay(ROUND_TRIP_S)
    server = cluster.followers()[0]
    found = {}
    with witnessed(cluster), hosts_of(cluster, way) as (_hosts, inventory):
        for link in OVER_SSH:
            for name in ("wal", "boltdb"):
                found[link, name] = call_while_it_stands_still(cluster, server, name, inventory, LINKS[link], way)
    return found


@pytest.mark.parametrize("name", ["wal", "boltdb"])
@pytest.mark.parametrize("link", OVER_SSH)
def test_a_server_waits_for_nothing_on_the_way_while_it_is_out(
    calls: dict[tuple[str, str], Call], link: str, name: str
) -> None:
    ran, result, seen_s = calls[link, name]
    assert ran.returncode == 0 and result["backend"] == name and not result["attached"], ran.output
    phases = result["phases"]
    print(f"{phases}, seen from outside {seen_s:.2f} s")
    assert 2 * phases["total"] - sum(phases.values()) < BETWEEN_S, "the steps are all of it"
    assert 0 < seen_s < phases["total"] + 2 * LOOKS_S + BETWEEN_S


@pytest.fixture
def echoed() -> tuple[LongWay, socket.socket]:
    """A long way, and a connection through it to somebody who sends everything back."""
    here, there = socket.socketpair()
    way = LongWay(ROUND_TRIP_S)
    threading.Thread(target=echo, args=(way.through(there),), daemon=True).start()
    return way, here


def test_what_is_sent_a_long_way_comes_later_and_all_of_it_at_once(echoed: tuple[LongWay, socket.socket]) -> None:
    """A way that lets one piece after the other through would take more than half a minute for so much."""
    _way, here = echoed
    for length, most_s in ((1, 2 * ROUND_TRIP_S + 1), (1, ROUND_TRIP_S + 1), (WIDE_LEN, ROUND_TRIP_S + 5)):
        began = time.monotonic()
        threading.Thread(target=here.sendall, args=(bytes(length),), daemon=True).start()
        left = length
        while left:
            left -= len(here.recv(left))
        assert ROUND_TRIP_S <= time.monotonic() - began < most_s, length
    here.shutdown(socket.SHUT_WR)
    assert here.recv(1) == b"", "the end comes back too"


def test_a_way_that_stands_still_lets_nothing_through_and_loses_nothing(echoed: tuple[LongWay, socket.socket]) -> None:
    way, here = echoed
    here.settimeout(5 * ROUND_TRIP_S)
    with way.still():
        here.sendall(b"there")
        with pytest.raises(socket.timeout):
            here.recv(1)
    here.settimeout(30)
    assert here.recv(5) == b"there"


def echo(connection: socket.socket) -> None:
    while chunk := connection.recv(1 << 16):
        connection.sendall(chunk)
    connection.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("way", [None, LongWay(ROUND_TRIP_S)])
def test_over_ssh_an_echo_takes_two_round_trips(tmp_path_factory: pytest.TempPathFactory, way: LongWay | None) -> None:
    """One for the session, one for the command, over a connection that is there already."""
    root = tmp_path_factory.mktemp("s")
    hosts = Hosts(["far"], root, way)
    known = hosts.variables("")["far"]
    master = ["-o", "ControlMaster=auto", "-o", "ControlPersist=20", "-o", f"ControlPath={root}/%C"]
    where = ["-i", known["ansible_ssh_private_key_file"], "-p", str(known["ansible_port"]), "operator@127.0.0.1"]
    command = ["ssh", *known["ansible_ssh_common_args"].split(), *master, *where, "echo", "there"]
    took = []
    try:
        for _number in range(3):
            began = time.monotonic()
            assert subprocess.run(command, capture_output=True, timeout=60, check=True).stdout == b"there\n"
            took.append(time.monotonic() - began)
    finally:
        hosts.close()
    print(f"by a new connection {took[0]:.2f} s, then {min(took[1:]):.2f} s")
    two_s = 2 * way.round_trip_s if way else 0.0
    assert two_s <= min(took[1:]) < two_s + 1
