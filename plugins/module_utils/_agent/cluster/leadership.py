# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Move leadership: choose the candidate, ask for the transfer, prove that it leads and keeps leading.

The reply to a transfer is no proof: the old leader may win the next election at once. So the server asked, and the
new leader itself if its API is known, are polled until both say the same for some seconds in a row.
"""

from __future__ import annotations

import time
from typing import Callable, NamedTuple, Optional, Sequence

from ..api.answers import Autopilot, Server
from ..api.client import Client
from ..errors import AgentError, ApiError
from .health import Verdict
from .waiter import Look, Teller, Waited, untold, wait_until


class Goal(NamedTuple):
    """Who should lead: `server_id`, or the best of `candidates`, or (None) the best healthy voter."""

    server_id: str = ""
    candidates: Optional[Sequence[str]] = None


class Plan(NamedTuple):
    """The current leader and the one that should lead; the same when nothing has to change."""

    leader: Server
    target: Server


def plan(autopilot: Autopilot, own_id: str, goal: Goal) -> Plan:
    """What has to move. Raises AgentError when the cluster is not settled or nobody can take over. Pure."""
    leader = autopilot.server(autopilot.leader)
    if leader is None:
        raise AgentError("the cluster has no settled leader", "Wait until it has one and run again.")
    if goal.server_id:
        return Plan(leader, _named(autopilot, goal.server_id))
    if leader.id != own_id:
        return Plan(leader, leader)
    return Plan(leader, _best(autopilot, leader, goal.candidates))


def _named(autopilot: Autopilot, server_id: str) -> Server:
    server = autopilot.server(server_id)
    if server is None:
        raise AgentError(f"the leader does not know the server {server_id}", "Check server_id.")
    if not _can_lead(server):
        raise AgentError(f"{server.name} is not a healthy voter", "Choose another server, or wait until it is one.")
    return server


def _best(autopilot: Autopilot, leader: Server, candidates: Optional[Sequence[str]]) -> Server:
    able = [server for server in autopilot.servers if server.id != leader.id and _can_lead(server)]
    if candidates is not None:
        by_id = {server.id: server for server in able}
        able = [by_id[server_id] for server_id in candidates if server_id in by_id]
        if able:
            return able[0]
    if not able:
        among = "none of the candidates" if candidates is not None else "no other server"
        raise AgentError(f"{leader.name} leads and {among} is a healthy voter", "Wait until one is.")
    return max(able, key=lambda server: (server.last_term, server.last_index))


def _can_lead(server: Server) -> bool:
    return server.voter and server.healthy and server.serf_status == "alive"


def prove(
    client: Client,
    target_client: Optional[Client],
    target: Server,
    timeout_s: float,
    stable_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    tell: Teller = untold,
) -> Waited:
    """Wait until the server asked, and the target itself, say that the target leads."""

    def look() -> Look:
        try:
            return Look(_leads(client, target_client, target), {})
        except ApiError as error:  # during an election there are only errors, for a moment
            return Look(Verdict(False, str(error)), {})

    return wait_until(look, timeout_s, stable_s, 0.1, clock, sleep, tell)


def _leads(client: Client, target_client: Optional[Client], target: Server) -> Verdict:
    address = client.leader()
    if address != target.address:
        return Verdict(False, f"{address or 'nobody'} leads, not {target.name} ({target.address})")
    if target_client is not None:
        agent = target_client.agent_self()
        if agent.id != target.id:
            what = f"{target_client.url} is {agent.name} ({agent.id}), not {target.name}"
            return Verdict(False, f"{what}: check target_host and target_port", final=True)
        if agent.state != "Leader":
            return Verdict(False, f"{target.name} itself says that it is {agent.state or 'no server'}")
    return Verdict(True, f"{target.name} leads")
