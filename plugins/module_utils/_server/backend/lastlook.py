# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last look before a stop, through the server's own agent: may it be stopped, does it follow, are the others well?

What the cluster is then is what it has to be again when the server is back.
"""

from __future__ import annotations

from typing import FrozenSet, Optional, Sequence

from ..._agent.api.answers import Agent
from ..._agent.api.client import Client
from ..._agent.cluster.health import Verdict, Wanted
from ..._agent.cluster.listening import silent
from ..._agent.cluster.observe import look
from ..._agent.cluster.waiter import Look, Teller, Waited, untold, wait_until
from ..._agent.errors import AgentError, ApiError, NotListening
from ..._disk.errors import InUse
from ..._raftstore.released import check_released
from ..._roll.host.transaction import RETURNED
from .subject import Subject
from .work import Work

STABLE_S = 1.0


def last_look(work: Work) -> None:
    """Note what has to be as before. Raises AgentError when the server may not be stopped now, or nobody can say so."""
    params = work.subject.params
    work.voters = _given_voters(work.subject)
    work.tolerance = params["failure_tolerance"] or 0
    agent = _agent(work.subject, work.client, work.server_id)
    work.up = agent is not None
    if agent is None or params["repair"]:
        return
    waited = _ask(
        work.subject,
        work.client,
        agent,
        params["gate_timeout"],
        lambda what: work.waits(f"waits until it may be stopped: {what}"),
    )
    if not waited.satisfied:
        raise AgentError(f"the cluster cannot do without it now: {waited.last.verdict.reason}")
    seen = waited.last.observation["autopilot"]
    if not params["voters"]:
        work.voters = frozenset(seen["voters"])
    if params["failure_tolerance"] is None and params["state"] != RETURNED:
        work.tolerance = seen["failure_tolerance"]


def ask_once(subject: Subject, server_id: str) -> Verdict:
    """What the last look would say now, at one look. Raises AgentError as it does."""
    client = Client(subject.connection)
    agent = _agent(subject, client, server_id)
    if agent is None or subject.params["repair"]:
        return Verdict(True, "the server is down" if agent is None else "the others have been asked")
    return _ask(subject, client, agent, 0).last.verdict


def _given_voters(subject: Subject) -> Optional[FrozenSet[str]]:
    voters = subject.params["voters"]
    return frozenset(voters) if voters else None


def _ask(subject: Subject, client: Client, agent: Agent, timeout_s: float, tell: Teller = untold) -> Waited:
    """Whether this server may be stopped, in its own eyes and the leader's. With `timeout_s` 0 at one look.

    On the way back its own state does not count, it is the one that has failed. The only voter need not follow anybody.
    """
    params = subject.params
    alone = sum(peer.voter for peer in agent.peers) == 1
    wanted = Wanted(
        server_id=agent.id,
        voters=_given_voters(subject),
        min_failure_tolerance=params["min_failure_tolerance"],
        allow_outage=params["allow_outage"],
        follower=params["follower"] and not alone,
        repair=params["state"] == RETURNED,
    )
    if wanted.repair and wanted.follower and agent.state == "Leader":
        raise AgentError(f"{agent.name} is the leader, and leadership must be moved away before it is stopped")
    stable_s = STABLE_S if timeout_s else 0
    others = [] if params["allow_outage"] else [peer.address for peer in agent.peers if peer.id != agent.id]
    return wait_until(lambda: _seen(client, wanted, others), timeout_s, stable_s, params["interval"], tell=tell)


def _seen(client: Client, wanted: Wanted, others: Sequence[str]) -> Look:
    """What the leader says, and whether the others are there as well: it learns that one is gone after seconds."""
    seen = look(client, "stoppable", wanted)
    gone = silent(others) if seen.verdict.ok else ""
    return seen._replace(verdict=Verdict(False, gone)) if gone else seen


def _agent(subject: Subject, client: Client, server_id: str) -> Optional[Agent]:
    """The agent, None when it is down. Raises AgentError for another agent, or one that lives and is silent."""
    try:
        agent = client.agent_self()
    except NotListening as error:
        _check_down(subject, error)
        return None
    except ApiError:
        if not subject.params["repair"]:
            raise
        return None
    if agent.id != server_id:
        raise AgentError(
            f"{client.url} is {agent.name or 'no server'}, another one than the one whose store is below "
            f"{subject.data_dir}",
            "Check host, port and data_dir.",
        )
    return agent


def _check_down(subject: Subject, silence: NotListening) -> None:
    """Nobody listens: then nobody may have the store open, unless the caller knows better."""
    if subject.params["repair"] or subject.params["allow_outage"]:
        return
    try:
        check_released(subject.data_dir)
    except InUse as error:
        what = f"{silence.what.rstrip('. ')}, but {error.what}, so the agent seems to run"
        raise AgentError(what, "Wait if it is starting, else check host and port.") from error
