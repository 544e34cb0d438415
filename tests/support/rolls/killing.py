# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolls whose ansible-playbook is killed at a random moment, and what the same command does afterwards.

A moment is defined by what the run has done, not by seconds, so that a slow machine does not shift it: a number of
tasks begun, a server gone or come back, and up to 1.5 s more. The same seed gives the same moment. SIGKILL goes
to the whole process group, modules included, as when a controller's host dies over a local connection; with `alone` to
ansible-playbook only, and its workers and modules run on until they notice.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from support.cluster.cluster import Cluster
from support.cluster.server import POLL_S, wait_until
from support.cluster.witness import witnessed
from support.paths import CHECKOUT
from support.rolls import leftbehind, playbooks

TASKS_OF_A_ROLL = 180  # a roll of three servers prints about that many lines "TASK [...]"
PATIENCE_S = 600
ORPHANS_S = 120


class Moment(NamedTuple):
    """When to kill: after `count` tasks, or a server `gone` or `back` for the `count`-th time, and `delay_s` later."""

    kind: str
    count: int
    delay_s: float
    alone: bool

    @classmethod
    def of(cls, seed: int) -> Moment:
        """Every third moment is between a server's stop and its start, every third after one."""
        chance = random.Random(seed)
        kind = ("gone", "tasks", "back")[seed % 3]
        count = chance.randint(1, TASKS_OF_A_ROLL) if kind == "tasks" else chance.randint(1, 3)
        return cls(kind, count, chance.uniform(0, 1.5), chance.random() < 0.3)


class KilledRun(NamedTuple):
    """How the run was when it was killed: its last task; `ended` when it was done before its moment came."""

    moment: Moment
    last_task: str
    ended: bool


def tasks_begun(log: Path) -> list[str]:
    return [line for line in log.read_text(errors="replace").splitlines() if line.startswith("TASK [")]


class _Absences:
    """Counts how often a server has gone, and come back."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._all = len(cluster.servers)
        self._away = False
        self.gone = self.back = 0

    def look(self) -> None:
        away = len(self._cluster.running()) < self._all
        self.gone += away and not self._away
        self.back += self._away and not away
        self._away = away


def _come(moment: Moment, absences: _Absences, log: Path) -> bool:
    absences.look()
    if moment.kind == "tasks":
        return len(tasks_begun(log)) >= moment.count
    return (absences.gone if moment.kind == "gone" else absences.back) >= moment.count


def killed_roll(cluster: Cluster, playbook: str, inventory: Path, moment: Moment) -> KilledRun:
    """Start a roll and kill it at its moment; nothing of it runs any more on return."""
    log = cluster.root / "killed.log"
    with open(log, "wb") as output:
        child = subprocess.Popen(
            playbooks.command(playbook, inventory),
            cwd=CHECKOUT,
            env=dict(playbooks.environment(), PYTHONUNBUFFERED="1"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    absences = _Absences(cluster)
    deadline = time.monotonic() + PATIENCE_S
    while not _come(moment, absences, log) and child.poll() is None and time.monotonic() < deadline:
        time.sleep(POLL_S)
    time.sleep(moment.delay_s)
    ended = child.poll() is not None
    (os.kill if moment.alone else os.killpg)(child.pid, signal.SIGKILL) if not ended else None
    child.wait(30)
    wait_until("end of the killed run's modules", lambda: not _of_session(child.pid), ORPHANS_S)
    return KilledRun(moment, (tasks_begun(log) or ["before the first task"])[-1].rstrip("* "), ended)


def _of_session(session: int) -> list[int]:
    """Processes of a session; the servers have sessions of their own."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            if int(fields[3]) == session and fields[0] not in "ZX":
                found.append(int(entry))
    return found


def survives(make_cluster: Callable[..., Cluster], seed: int, playbook: str = "migrate") -> None:
    """Roll a new cluster, killed at the moment of this seed; run it again; fail unless everything is as promised."""
    start, end = {"migrate": ("boltdb", "wal"), "rollback": ("wal", "boltdb")}[playbook]
    cluster = make_cluster(backend=start)
    before = leftbehind.observe(cluster)
    inventory = playbooks.write_inventory(cluster, raft_logstore_stable_for=1)
    with witnessed(cluster) as witness:
        killed = killed_roll(cluster, playbook, inventory, Moment.of(seed))
        print(f"seed {seed}: {killed}")
        again = playbooks.run(playbook, inventory)
        assert again.returncode == 0, f"{killed}\n{again.stdout}"
        leftbehind.assert_whole(cluster, before, end)
        assert len(witness.writer.acknowledged) > 0
