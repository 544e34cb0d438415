# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the API what a condition needs and judges the answers: the look that `waiter` repeats.

Here an error of the API is not a failure, but a condition that does not hold yet: a server that is starting refuses
connections, has no leader, and answers 403 to valid tokens for some seconds.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, NamedTuple, Optional

from ..api.answers import Agent, Autopilot
from ..api.client import Client
from ..api.connection import Connection
from ..errors import ApiError, NotListening
from . import health
from .health import Verdict, Wanted
from .waiter import Look

_ASKS_PER_LOOK = 5  # entries under way make applied and commit differ for milliseconds on a busy server


class Answers(NamedTuple):
    """What came back; where an answer is missing, its error is set."""

    agent: Optional[Agent] = None
    agent_error: str = ""
    autopilot: Optional[Autopilot] = None
    autopilot_error: str = ""

    def missing(self) -> str:
        """The first error, or an empty string."""
        return self.agent_error or self.autopilot_error


class Asked(NamedTuple):
    """An agent about itself, or why it has not answered; `down`: nobody listens there."""

    url: str
    agent: Optional[Agent] = None
    down: bool = False
    status: int = 200
    error: str = ""

    def as_dict(self) -> Dict[str, Any]:
        """The results that agent_info documents."""
        plain = self._asdict()
        return {**plain, "answered": self.agent is not None, "agent": self.agent.as_dict() if self.agent else None}


def ask_itself(connection: Connection) -> Asked:
    """What the agent says about itself. An error of the API is an answer here."""
    try:
        return Asked(connection.url, Client(connection).agent_self())
    except ApiError as error:
        return Asked(connection.url, None, isinstance(error, NotListening), error.status, str(error))


def ask_agent(client: Client) -> Agent:
    """The agent about itself; asked again while it is just applying what it knows to be committed."""
    for _ask in range(_ASKS_PER_LOOK):
        agent = client.agent_self()
        if agent.raft["applied_index"] == agent.raft["commit_index"] or agent.raft["applied_index"] < 1:
            break
    return agent


def ask(client: Client, agent_too: bool) -> Answers:
    """The leader's answer, and before it the agent's own. A missing agent makes the leader's pointless."""
    answers = Answers()
    if agent_too:
        try:
            answers = answers._replace(agent=ask_agent(client))
        except ApiError as error:
            return answers._replace(agent_error=str(error))
    try:
        return answers._replace(autopilot=client.autopilot_health()[1])
    except ApiError as error:
        return answers._replace(autopilot_error=str(error))


def verdict_on(until: str, answers: Answers, wanted: Wanted) -> Verdict:
    """The verdict on the condition `until` (back, serving, stoppable, healthy). Pure."""
    if answers.agent is not None:
        meant = health.right_server(answers.agent, wanted)
        if not meant.ok and until != "healthy":
            return meant
    if answers.autopilot is None:
        return Verdict(False, answers.missing())
    if until == "healthy":
        return health.healthy(answers.autopilot, wanted)
    if until == "stoppable":
        server_id = answers.agent.id if answers.agent else wanted.server_id
        verdict = health.stoppable(answers.autopilot, server_id, wanted)
        if verdict.ok and answers.agent is not None:
            same = health.same_configuration(answers.agent, answers.autopilot)
            return verdict if same.ok else same
        return verdict
    if answers.agent is None:
        return Verdict(False, answers.missing())
    check: Dict[str, Callable[[Agent, Autopilot, Wanted], Verdict]] = {"back": health.back, "serving": health.serving}
    return check[until](answers.agent, answers.autopilot, wanted)


def look(client: Client, until: str, wanted: Wanted) -> Look:
    """One look at the condition."""
    answers = ask(client, agent_too=until != "healthy" and not wanted.repair)
    observation = {
        "agent": answers.agent.as_dict() if answers.agent else None,
        "agent_error": answers.agent_error,
        "autopilot": answers.autopilot.as_dict() if answers.autopilot else None,
        "autopilot_error": answers.autopilot_error,
    }
    return Look(verdict_on(until, answers, wanted), observation)
