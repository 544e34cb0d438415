# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that runs on the new backend, is well itself, and is not back only because another server is out. Pure.

To take it back would put a second server out of the cluster, and nothing is wrong with it.
"""

from __future__ import annotations

from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..._agent.cluster import health
from .. import cluster
from ..server import Server

Result = Mapping[str, Any]
Answer = Tuple[str, Result]
PEER = "__raft_logstore_peer"  # the variable of the role's loops over the other servers


class Out(NamedTuple):
    """A server that is out. `silent`: its own agent, or its host, has not answered either."""

    host: str
    silent: bool
    why: str

    def told(self) -> str:
        """In words."""
        return f"{self.host} is {'down' if self.silent else 'not well'} ({self.why})"


def answers(asked: Optional[Result]) -> List[Answer]:
    """What each other host has said of the cluster, from the result of the loop over autopilot_health_info."""
    return [(one[PEER], one) for one in (asked or {}).get("results", ())]


def answered(said: Sequence[Answer]) -> List[Answer]:
    """Those of them that know what the leader says."""
    return [(host, one) for host, one in said if one.get("autopilot")]


def waits_for(
    servers: Sequence[Server], server: Server, backend: str, looked: Optional[Result], said: Sequence[Answer]
) -> List[Out]:
    """The other servers for which this one waits; empty where it is not well itself, or where nobody is out.

    `looked` is server_info's server after the failure, `said` what the others answer.
    """
    agent = (looked or {}).get("agent", {}).get("self")
    views = [(looked or {}).get("autopilot"), *(one["autopilot"] for _host, one in answered(said))]
    seen = next(filter(None, views), None)
    if not agent or not seen or agent["id"] != server.id:
        return []
    voters = cluster.voters_with(servers, server)
    if not health.is_well(agent, seen, backend, server.id in voters):
        return []
    hosts, own = {one.id: one.host for one in servers}, dict(said)
    return [
        _out(hosts.get(one, one), why, own.get(hosts.get(one, ""), {}))
        for one, why in health.others_out(seen, server.id, voters).items()
    ]


def _out(host: str, why: str, answer: Result) -> Out:
    """What its own answer adds to the leader's word."""
    if answer.get("unreachable"):
        return Out(host, True, "its host cannot be reached")
    if answer.get("answered") is False and answer.get("status") == 0:
        return Out(host, True, f"no answer at {answer['url']}")
    return Out(host, False, why)
