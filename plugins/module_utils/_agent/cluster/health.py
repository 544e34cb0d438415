# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server is back and whether it may be stopped: predicates over the API's answers. Pure.

How far each answer can be trusted was observed on clusters of Nomad 2.0.5. After a restart the leader calls a server
healthy seconds before it has applied anything, an idle stopped one looks healthy for up to 40 s, StableSince never
moves, a removed server comes back as a non-voter with status 200, and right after an election there are no servers at
all. So the server itself is asked, and the set of voters is compared, not only counted.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from ..api.answers import Agent, Autopilot, Server
from .peers import difference

Result = Mapping[str, Any]
RUNNING_STATES = ("Leader", "Follower")


class Verdict(NamedTuple):
    """Whether the condition holds, and one sentence why. `final`: waiting cannot change it."""

    ok: bool
    reason: str
    final: bool = False


class Wanted(NamedTuple):
    """What is expected of the server and of the cluster around it; None and "" are not checked."""

    server_id: str = ""
    backend: str = ""
    voters: Optional[FrozenSet[str]] = None
    failure_tolerance: int = 0
    max_lag: int = 250
    min_failure_tolerance: int = 1
    allow_outage: bool = False
    follower: bool = False
    repair: bool = False


def majority(voters: int) -> int:
    """How many of so many voters are a quorum."""
    return voters // 2 + 1


def tolerance(voters: int) -> int:
    """How many of so many voters may be lost when all are healthy."""
    return voters - majority(voters)


def right_server(agent: Agent, wanted: Wanted) -> Verdict:
    """Whether this is the server that was meant, and a server at all."""
    if not agent.server or not agent.id:
        return Verdict(False, "the agent is not a server", final=True)
    if wanted.server_id and agent.id != wanted.server_id:
        what = f"the agent that answers is {agent.name} ({agent.id}), not {wanted.server_id}"
        return Verdict(False, f"{what}: check host and port", final=True)
    return Verdict(True, f"{agent.name} is the server that was meant")


def serving(agent: Agent, autopilot: Autopilot, wanted: Wanted) -> Verdict:
    """Whether the server itself says that it takes part, has caught up, and has the leader's Raft configuration."""
    own = _takes_part(agent, autopilot, wanted)
    same = same_configuration(agent, autopilot)
    return own if same.ok or not own.ok else same


def _takes_part(agent: Agent, autopilot: Autopilot, wanted: Wanted) -> Verdict:
    meant = right_server(agent, wanted)
    if not meant.ok:
        return meant
    if wanted.backend and agent.backend != wanted.backend:
        return Verdict(False, f"{agent.name} runs on {agent.backend or 'an unknown backend'}, not on {wanted.backend}")
    if agent.state not in RUNNING_STATES:
        return Verdict(False, f"{agent.name} is in state {agent.state or 'unknown'}, neither follower nor leader")
    if not agent.leader_address:
        return Verdict(False, f"{agent.name} knows no leader")
    return _caught_up(agent, autopilot, wanted)


def _caught_up(agent: Agent, autopilot: Autopilot, wanted: Wanted) -> Verdict:
    commit, applied = agent.raft["commit_index"], agent.raft["applied_index"]
    if commit < 1 or applied < 1:  # 0 for up to 10 s after a restart, while everybody calls the server healthy
        return Verdict(False, f"{agent.name} has not applied anything since its start")
    if applied != commit:
        return Verdict(False, f"{agent.name} has applied entry {applied}, but {commit} is committed")
    settled = _settled(autopilot)
    if not settled.ok:
        return settled
    last = max(server.last_index for server in autopilot.servers if server.leader)
    if applied + wanted.max_lag < last:
        return Verdict(False, f"{agent.name} has applied entry {applied}, but the leader is at {last}")
    return Verdict(True, f"{agent.name} runs on {agent.backend}, is {agent.state.lower()} and has applied {applied}")


def same_configuration(agent: Agent, autopilot: Autopilot) -> Verdict:
    """Whether the server's own Raft configuration is the leader's: ids, addresses and who votes."""
    leaders = [(server.id, server.address, server.voter) for server in autopilot.servers]
    other = difference(agent.peers, leaders)
    if other:
        return Verdict(False, f"{agent.name} has another Raft configuration than the leader: {other}")
    return Verdict(True, f"{agent.name} has the leader's Raft configuration")


def back(agent: Agent, autopilot: Autopilot, wanted: Wanted) -> Verdict:
    """Whether the server is back: it says so itself, and the leader has it as before."""
    own = _takes_part(agent, autopilot, wanted)
    if not own.ok:
        return own
    seen = autopilot.server(agent.id)
    if seen is None:
        return Verdict(False, f"the leader does not know {agent.name} ({agent.id})")
    for verdict in (_well(seen), _same_voters(autopilot, wanted), same_configuration(agent, autopilot)):
        if not verdict.ok:
            return verdict
    if autopilot.failure_tolerance < wanted.failure_tolerance:
        lower = f"the failure tolerance is {autopilot.failure_tolerance}, it was {wanted.failure_tolerance} before"
        out = " and ".join(verdict.reason for _server, verdict in unwell(autopilot))
        return Verdict(False, f"{agent.name} itself is healthy, but {out}: {lower}" if out else lower)
    voter = "voter" if agent.id in autopilot.voters else "non-voter"
    return Verdict(True, f"{own.reason}; to the leader it is a healthy {voter}")


def is_well(agent: Result, autopilot: Result, backend: str, votes: bool) -> bool:
    """Whether all is well with this server by its own word and the leader's, whatever the other servers are like.

    Of what modules have returned. `votes`: it has to be a voter. Both have been asked once, and entries under way make
    applied and committed differ for milliseconds: that it has caught up with the leader's last entry is enough.
    """
    own, seen = Agent.of_result(agent), Autopilot.of_result(autopilot)
    own = own._replace(raft={**own.raft, "commit_index": own.raft["applied_index"]})
    return back(own, seen, Wanted(backend=backend)).ok and (own.id in seen.voters or not votes)


def others_out(autopilot: Result, server_id: str, voters: Iterable[str]) -> Dict[str, str]:
    """Why each other server is out to the leader, by id: not well, or of `voters` and no longer one.

    Of what a module has returned.
    """
    seen = Autopilot.of_result(autopilot)
    out = {one: "the leader no longer counts it as a voter" for one in voters if one not in seen.voters}
    out.update({server.id: verdict.reason for server, verdict in unwell(seen)})
    return {one: why for one, why in out.items() if one != server_id}


def healthy(autopilot: Autopilot, wanted: Wanted) -> Verdict:
    """Whether the cluster has a settled leader and all its servers are well."""
    verdicts = [_settled(autopilot), *map(_well, autopilot.servers), _same_voters(autopilot, wanted)]
    for verdict in verdicts:
        if not verdict.ok:
            return verdict
    if not autopilot.healthy:
        return Verdict(False, "the leader does not call the cluster healthy")
    return Verdict(True, f"all {len(autopilot.servers)} servers are healthy")


def stoppable(autopilot: Autopilot, server_id: str, wanted: Wanted) -> Verdict:
    """Whether the cluster can do without this server right now. With `repair` it is doing without it already."""
    target = autopilot.server(server_id)
    if wanted.repair:
        return _repairable(autopilot, server_id, wanted)
    if target is None and _settled(autopilot).ok:
        return Verdict(False, f"the leader does not know the server {server_id}")
    verdict = healthy(autopilot, wanted)
    if not verdict.ok or target is None:
        return verdict
    if wanted.follower and target.leader:
        return Verdict(False, f"{target.name} is the leader, and leadership must be moved away before it is stopped")
    if server_id in autopilot.voters and not wanted.allow_outage:
        if autopilot.failure_tolerance < wanted.min_failure_tolerance:
            tolerance = f"{autopilot.failure_tolerance}, not {wanted.min_failure_tolerance} or more"
            return Verdict(False, f"the failure tolerance of the cluster is {tolerance}")
        quorum = _quorum_without(autopilot, server_id)
        if not quorum.ok:
            return quorum
    return Verdict(True, f"{target.name} may be stopped: {verdict.reason}")


def _repairable(autopilot: Autopilot, server_id: str, wanted: Wanted) -> Verdict:
    others = [server for server in autopilot.servers if server.id != server_id]
    verdicts = [_settled(autopilot), *map(_well, others), _same_voters(autopilot, wanted)]
    if not wanted.allow_outage:
        verdicts.append(_quorum_without(autopilot, server_id))
    for verdict in verdicts:
        if not verdict.ok:
            return verdict
    return Verdict(True, f"{server_id} may be repaired: the other {len(others)} servers are healthy")


def _settled(autopilot: Autopilot) -> Verdict:
    """Just after an election the leader's name is empty and the list of servers null."""
    leader = autopilot.server(autopilot.leader)
    if leader is None or not leader.leader:
        return Verdict(False, "the cluster has no settled leader yet")
    return Verdict(True, f"{leader.name} leads")


def unwell(autopilot: Autopilot) -> List[Tuple[Server, Verdict]]:
    """The servers that are not well to the leader, each with why."""
    judged = [(server, _well(server)) for server in autopilot.servers]
    return [(server, verdict) for server, verdict in judged if not verdict.ok]


def _well(server: Server) -> Verdict:
    if server.serf_status != "alive":
        return Verdict(False, f"the leader sees {server.name} as {server.serf_status or 'unknown'}, not alive")
    if not server.healthy:
        return Verdict(False, f"the leader does not call {server.name} healthy")
    return Verdict(True, f"{server.name} is healthy")


def _same_voters(autopilot: Autopilot, wanted: Wanted) -> Verdict:
    now = frozenset(autopilot.voters)
    if wanted.voters is None or now == wanted.voters:
        return Verdict(True, "the voters are the expected ones")
    parts = []
    if wanted.voters - now:
        parts.append(f"missing {_names(autopilot, wanted.voters - now)}")
    if now - wanted.voters:
        parts.append(f"unexpected {_names(autopilot, now - wanted.voters)}")
    return Verdict(False, f"the voters are not the expected ones: {'; '.join(parts)}")


def _names(autopilot: Autopilot, ids: FrozenSet[str]) -> str:
    named = [(autopilot.server(one), one) for one in sorted(ids)]
    return ", ".join(f"{server.name} ({one})" if server else one for server, one in named)


def _quorum_without(autopilot: Autopilot, server_id: str) -> Verdict:
    """Whether the healthy voters are a majority without this one."""
    needed = majority(len(autopilot.voters))
    others = [server for server in autopilot.servers if server.id != server_id]
    left = sum(server.healthy and server.id in autopilot.voters for server in others)
    if left < needed:
        return Verdict(False, f"only {left} healthy voters would be left, but {needed} are a majority")
    return Verdict(True, f"{left} healthy voters are left, {needed} are a majority")
