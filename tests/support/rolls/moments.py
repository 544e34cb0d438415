# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments between a server's stop and *back* at which Ansible, the connection or the login session is lost.

A moment is a share of the time from the stop until the server is back, as a run in peace has taken it; where the server
is sooner back than then, it is now. One is drawn in each of as many equal parts of that time as there are moments, so
that together they cover all of it. The same seed gives the same moments.
"""

from __future__ import annotations

import random
from typing import NamedTuple

KILLED, HUNG_UP, CUT, LOGGED_OUT, SSHD_STOPPED = "killed", "hung up", "cut", "logged out", "sshd stopped"
WAYS = (KILLED, HUNG_UP, CUT, LOGGED_OUT, SSHD_STOPPED)
"""SIGKILL to the controller and all that it has started; SIGHUP to its process group; the connection is lost; the login
session is closed, and what is left in it is killed; the host's sshd stops and its sessions end."""

PROGRAMS = ("ansible", "ansible-playbook")


class Moment(NamedTuple):
    """Which way, at which share of the time, to which backend, started by which program; `fails`: the start will."""

    way: str
    share: float
    backend: str
    program: str
    fails: bool

    def __str__(self) -> str:
        return f"{self.share:.3f} to {self.backend}{' failing' if self.fails else ''}, {self.way}, {self.program}"


def moments(seed: int, count: int) -> list[Moment]:
    """So many for each direction; the directions take turns, beginning with the way to WAL."""
    chance = random.Random(seed)
    return [
        Moment(
            WAYS[number % len(WAYS)],
            (number + chance.random()) / count,
            backend,
            PROGRAMS[number % len(PROGRAMS)],
            number % 3 == 2,
        )
        for number in range(count)
        for backend in ("wal", "boltdb")
    ]
