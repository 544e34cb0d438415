# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves that a cluster accepts writes and that one server applies them.

An idle cluster writes nothing, so this provokes the smallest entry there is: the autopilot configuration,
written over itself with compare-and-set. It changes no setting and needs no right beyond the hold's. The
index of that entry is known, and the server asked must apply it. With a token without that right it can only wait until
somebody else writes.
"""

from __future__ import annotations

import time
from typing import Callable, NamedTuple, Optional

from ..api.client import Client
from ..errors import ApiError, Denied
from .health import Verdict, Wanted, right_server
from .waiter import Look, Teller, Waited, untold, wait_until


class Proof(NamedTuple):
    """How it ended; `entry` is the index that had to be applied, None before one is known; `provoked`: we wrote it."""

    waited: Waited
    entry: Optional[int]
    provoked: bool


class _Probe:
    """Writes once, then watches the server's applied index reach that entry."""

    def __init__(self, client: Client, server_id: str) -> None:
        self._client = client
        self._wanted = Wanted(server_id=server_id)
        self.first: Optional[int] = None
        self.index: Optional[int] = None
        self.provoked = False
        self._refusal = ""

    def look(self) -> Look:
        """One look; an error of the API means that the condition does not hold yet."""
        try:
            return Look(self._verdict(), {})
        except ApiError as error:
            return Look(Verdict(False, str(error)), {})

    def _verdict(self) -> Verdict:
        agent = self._client.agent_self()
        meant = right_server(agent, self._wanted)
        if not meant.ok:
            return meant
        applied = agent.raft["applied_index"]
        if self.first is None:
            self.first = applied
        if self.index is None:
            self._write()
            return Verdict(False, f"{agent.name} has not been asked since the write")
        if applied < self.index:
            return Verdict(False, f"{agent.name} has applied entry {applied}, not {self.index}{self._refusal}")
        return Verdict(True, f"a write came through as entry {self.index} and {agent.name} has applied it")

    def _write(self) -> None:
        """Provoke an entry or, if the token may not, settle for the next one that somebody else writes."""
        before = self._client.autopilot_config()
        try:
            written = self._client.set_autopilot_config(before)
        except Denied as error:
            self.index = (self.first or 0) + 1
            self._refusal = f", nobody writes at the moment, and this token may not: {error}"
            return
        if written:  # else somebody has changed it meanwhile: the next look tries again
            self.index, self.provoked = self._client.autopilot_config().modify_index, True


def prove(
    client: Client,
    server_id: str,
    timeout_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    tell: Teller = untold,
) -> Proof:
    """Write and wait until the server has applied the entry, at most `timeout_s` seconds."""
    probe = _Probe(client, server_id)
    waited = wait_until(probe.look, timeout_s, 0.0, 0.1, clock, sleep, tell)
    return Proof(waited, probe.index, probe.provoked)
