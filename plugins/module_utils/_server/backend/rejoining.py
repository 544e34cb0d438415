# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until a server that was started is back; not to the end of its time where its agent has ended again.

A living agent has its store open, however long it takes to restore it. Where for a while nobody has, and nobody
answers, there is nothing to wait for, and the server is sooner back on the backend that it came from.
"""

from __future__ import annotations

import time
from typing import Callable, Optional

from ..._agent.api.client import Client
from ..._agent.cluster.health import Verdict, Wanted
from ..._agent.cluster.observe import look
from ..._agent.cluster.waiter import Look, Teller, Waited, untold, wait_until
from ..._raftstore.released import is_in_use
from .subject import Subject

FIRST_S = 0.1
ENDED_S = 30.0  # a start command may return before there is a process; an agent opens its store within a second or two


def wait(subject: Subject, client: Client, wanted: Wanted, tell: Teller = untold) -> Waited:
    """How the wait for the condition `back` ended. Until it holds for the first time it is looked at often."""
    params = subject.params
    watch = Watch(subject.data_dir)

    def seen() -> Look:
        return watch.judged(look(client, "back", wanted))

    first = wait_until(seen, params["wait_timeout"], 0, min(FIRST_S, params["interval"]), tell=tell)
    if not first.satisfied:
        return first
    left_s = params["wait_timeout"] - first.elapsed_s
    rest = wait_until(seen, left_s, params["stable_for"], params["interval"], tell=tell)
    return rest._replace(elapsed_s=first.elapsed_s + rest.elapsed_s)


class Watch:
    """Looks whether the agent is still there."""

    def __init__(self, data_dir: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._data_dir = data_dir
        self._clock = clock
        self._absent_since: Optional[float] = None

    def judged(self, seen: Look) -> Look:
        """The same look; final once the agent has been gone for ENDED_S."""
        if seen.observation["agent"] is not None or is_in_use(self._data_dir):
            self._absent_since = None
            return seen
        now = self._clock()
        if self._absent_since is None:
            self._absent_since = now
        if now - self._absent_since < ENDED_S:
            return seen
        reason = f"its agent has ended, nobody has had its store open for {ENDED_S:g} s; {seen.verdict.reason}"
        return seen._replace(verdict=Verdict(False, reason, final=True))
