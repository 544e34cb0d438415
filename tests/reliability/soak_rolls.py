# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolls forward and back over real ssh for SOAK_S seconds (3600), with something killed or cut in most of them.

    SOAK_S=900 python -m pytest -s tests/reliability/soak_rolls.py

Each round rolls the cluster to the other backend while a writer writes. Random numbers (SOAK_SEED) decide what happens:
ansible-playbook is killed, the connections of one host are cut before, during or after a module, or a server is killed
and comes back two seconds later, as under systemd. Then the same command has to finish, once everything that was killed
from outside is back. At the end every write that was acknowledged is read again.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cluster.cluster import Cluster
from support.cluster.writer import Writer
from support.rolls import killing, leftbehind, playbooks
from support.rolls.killing import Moment
from support.rolls.overssh import hosts_of
from support.rolls.sshd import AFTER, BEFORE, DURING, Hosts, Request, Trap

SOAK_S = float(os.environ.get("SOAK_S", "3600"))
SEED = os.environ.get("SOAK_SEED", "1")
FAULTS = (
    "none",
    "ansible killed",
    "ansible killed",
    "connection cut",
    "connection cut",
    "server killed",
    "server killed",
)
TRIES = 3  # of the same command after a fault: an election may be under way when the first one looks
WAY = {"boltdb": ("migrate", "wal"), "wal": ("rollback", "boltdb")}


@pytest.fixture(autouse=True)
def small_units() -> None:
    """The product's own sizes."""


@pytest.fixture(autouse=True)
def ends() -> None:
    """It runs as long as it is told to."""


class Reaper:
    """Kills one server after a while; starts it two seconds later, unless it runs or a roll keeps it stopped."""

    def __init__(self, cluster: Cluster, chance: random.Random) -> None:
        self._server = chance.choice(cluster.servers)
        self._delay_s = chance.uniform(1, 40)
        self._ended = threading.Event()
        self.killed = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        if self._ended.wait(self._delay_s) or not self._server.is_running():
            return
        self._server.kill()
        self.killed = self._server.name
        time.sleep(2)
        self.revive()

    def revive(self) -> None:
        """As systemd would: with Restart=, unless a roll is working on this server and keeps the unit stopped."""
        if not self._server.is_running() and not leftbehind.is_unfinished(self._server):
            with contextlib.suppress(AssertionError):  # started by the roll at this very moment
                self._server.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(60)


def cut_at(number: int) -> Callable[[Request], bool]:
    """True for the n-th module that is sent to a host."""
    counted = iter(range(number + 1))
    return lambda _request: next(counted, None) == number


def shuffled(chance: random.Random) -> Iterator[str]:
    """All faults in some order, then in another one: so each gets its turn."""
    while True:
        yield from chance.sample(FAULTS, len(FAULTS))


def faulty_run(
    cluster: Cluster, hosts: Hosts, inventory: Path, playbook: str, fault: str, chance: random.Random
) -> str:
    """One roll with this fault; what became of it."""
    if fault == "ansible killed":
        killed = killing.killed_roll(cluster, playbook, inventory, Moment.of(chance.randrange(10**6)))
        return "ansible ended before its kill" if killed.ended else fault
    reaper = Reaper(cluster, chance) if fault == "server killed" else None
    if fault == "connection cut":
        hosts.trap = Trap(chance.choice((BEFORE, DURING, AFTER)), cut_at(chance.randrange(60)))
    ended = playbooks.run(playbook, inventory)
    if reaper is not None:
        reaper.stop()
        fault = fault if reaper.killed else "none"
        wait_and_revive(cluster, reaper)
    if hosts.trap is not None:
        fault = fault if hosts.trap.sprung else "none"
        hosts.up()
    if ended.returncode != 0:
        print(f"  it stopped: {tail_of(ended.stdout)}")
    return f"{fault}, the run {'finished' if ended.returncode == 0 else 'stopped'}"


def tail_of(said: str) -> str:
    return " ".join(said.split())[-700:]


def wait_and_revive(cluster: Cluster, reaper: Reaper) -> None:
    """systemd tries again to start a server that could not start because a roll was working on its files."""
    for server in cluster.servers:
        if server.name == reaper.killed:
            reaper.revive()


def finish(playbook: str, inventory: Path) -> int:
    """Run the same command until it has finished; how often it was run."""
    for count in range(1, TRIES + 1):
        ended = playbooks.run(playbook, inventory)
        if ended.returncode == 0:
            return count
        print(f"  run {count} again: {tail_of(ended.stdout)}")
    raise AssertionError(f"{playbook} did not finish in {TRIES} runs\n{ended.stdout}")


def tidy(cluster: Cluster, inventory: Path) -> None:
    """Old stores go by the collection's own playbook, snapshots by hand: an hour of them would fill the disk."""
    cleaned = playbooks.run("cleanup", inventory)
    assert cleaned.returncode == 0, cleaned.stdout
    for path in leftbehind.snapshots(cluster):
        assert leftbehind.snapshot_is_sound(path)
        path.unlink()


def test_rolls_with_faults_for_an_hour_lose_nothing(make_cluster: Any) -> None:
    cluster = make_cluster()
    before = leftbehind.observe(cluster)
    writer = Writer([(server.address, server.http_port) for server in cluster.servers]).start()
    chance = random.Random(SEED)
    faults = shuffled(chance)
    ends: Counter[str] = Counter()
    reruns = rounds = 0
    backend, deadline = "boltdb", time.monotonic() + SOAK_S
    with hosts_of(cluster) as (hosts, inventory):
        while time.monotonic() < deadline:
            playbook, backend = WAY[backend]
            how = faulty_run(cluster, hosts, inventory, playbook, next(faults), chance)
            count = finish(playbook, inventory)
            cluster.wait_healthy(120)
            leftbehind.assert_whole(cluster, before, backend)
            tidy(cluster, inventory)
            rounds, reruns = rounds + 1, reruns + count
            ends[how] += 1
            print(f"round {rounds}, {playbook}: {how}; finished by run {count} after it; "
                  f"{len(writer.acknowledged)} writes acknowledged", flush=True)  # fmt: skip
    writer.stop()
    lost = writer.lost()
    for how, number in sorted(ends.items()):
        print(f"covered: {number} rolls: {how}")
    print(f"covered: {rounds} rounds, {reruns} runs to finish them, {len(writer.acknowledged)} writes acknowledged, "
          f"{len(lost)} lost, longest gap {writer.longest_gap_s:.1f} s")  # fmt: skip
    assert lost == []
