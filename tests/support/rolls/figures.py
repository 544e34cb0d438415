# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a roll under writes and says what it took: as a whole, for each server, for who writes. Asserts nothing."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import NamedTuple

from support.cluster.cluster import Cluster
from support.cluster.watcher import Watcher
from support.cluster.writer import Writer
from support.rolls import playbooks

PHASES = ("stop", "configuration", "conversion", "start", "rejoin", "total")
ROW = re.compile(r"\b(s\d)((?: +\d+\.\d\d){6})")
LOOKS_S = 0.05


class Figures(NamedTuple):
    """Seconds, but for `tasks`; `gap` is the longest between two writes, `seen` each time out seen from outside.

    `phases` are the rows of the table at the end of the roll, by server.
    """

    seconds: float
    tasks: int
    gap: float
    phases: dict[str, dict[str, float]]
    seen: dict[str, float]

    def out(self) -> list[float]:
        """Of each server: its time out of the cluster, on its own clock."""
        return [row["total"] for _name, row in sorted(self.phases.items())]

    def beyond(self) -> list[float]:
        """Of each server: from the end of the stop to the end of the start, without the conversion."""
        return [
            row["total"] - row["stop"] - row["conversion"] - row["rejoin"] for _name, row in sorted(self.phases.items())
        ]


def roll(cluster: Cluster, playbook: str, inventory: Path, *flags: str) -> Figures:
    """Run one playbook. Raises AssertionError where it fails or a write is lost."""
    addresses = [(server.address, server.http_port) for server in cluster.servers]
    writer = Writer(addresses, f"{playbook}/{time.monotonic_ns()}").start()
    watcher, began = Watcher(cluster, LOOKS_S).start(), time.monotonic()
    try:
        ran = playbooks.run(playbook, inventory, *flags)
    finally:
        seconds = time.monotonic() - began
        watcher.stop()
        writer.stop()
    assert ran.returncode == 0, ran.stdout
    assert writer.lost() == []
    tasks = len(re.findall(r"^TASK \[", ran.stdout, re.MULTILINE))
    rows = {name: dict(zip(PHASES, map(float, numbers.split()))) for name, numbers in ROW.findall(ran.stdout)}
    return Figures(seconds, tasks, writer.longest_gap_s, rows, dict(watcher.out_s))
