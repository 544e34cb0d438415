# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last look before a stop: through the server's own agent, and only when the agent is the one of the store."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.lastlook import ask_once, last_look
from support.agent_server import as_json, plain
from support.member import S1, S2
from support.recordings import recording

ALL = {S1, S2, "0c36f51e-b2bb-1b17-949f-a5a934efe5a8"}


def test_what_the_cluster_is_it_has_to_be_again(host: Any) -> None:
    work = host.work()
    last_look(work)
    assert (work.up, work.voters, work.tolerance) == (True, frozenset(ALL), 1)
    given = host.work(voters=sorted(ALL), failure_tolerance=0)
    last_look(given)
    assert (given.voters, given.tolerance) == (frozenset(ALL), 0)


@pytest.mark.parametrize(
    "given, told",
    [
        ({"voters": [S1]}, "voters are not the expected ones"),
        ({"min_failure_tolerance": 2}, "not 2 or more"),
        ({"min_failure_tolerance": 2, "allow_outage": True}, ""),
        ({"min_failure_tolerance": 2, "repair": True}, ""),
    ],
)
def test_the_cluster_is_asked(host: Any, given: dict[str, Any], told: str) -> None:
    work = host.work(gate_timeout=0, **given)
    if not told:
        last_look(work)
        return
    with pytest.raises(AgentError, match=f"cannot do without it now: .*{told}"):
        last_look(work)
    assert told in ask_once(work.subject, S2).reason


@pytest.mark.parametrize("state", ["present", "returned"])
def test_a_leader_is_not_stopped_unless_told_so(host: Any, state: str) -> None:
    leads(host)
    with pytest.raises(AgentError, match="leadership must be moved away"):
        last_look(host.work(state=state, gate_timeout=0))
    last_look(host.work(state=state, gate_timeout=0, follower=False))


def leads(host: Any) -> None:
    body = copy.deepcopy(recording("autopilot_health-healthy")["body"])
    for server in body["Servers"]:
        server["Leader"] = server["ID"] == S2
    body["Leader"] = S2
    host.leader_says(body)
    agent = copy.deepcopy(recording("agent_self-follower-boltdb-after-return")["body"])
    agent["stats"]["raft"]["state"] = "Leader"
    host.answers(agent)


def test_another_server_that_takes_no_connection_is_gone_whatever_the_leader_says(host: Any) -> None:
    host.api.on("/v1/agent/self", as_json(recording("agent_self-follower-boltdb-after-return")["body"]))
    host.api.play("autopilot_health-healthy")
    with pytest.raises(
        AgentError, match=r"the server at 127\.0\.0\.1[13]:4647 takes no connection: Connection refused"
    ):
        last_look(host.work(gate_timeout=0))
    last_look(host.work(gate_timeout=0, allow_outage=True))


def test_on_the_way_back_its_own_state_does_not_count(host: Any) -> None:
    body = copy.deepcopy(recording("autopilot_health-healthy")["body"])
    body["Healthy"], body["FailureTolerance"] = False, 0
    for server in body["Servers"]:
        server["Healthy"] = server["ID"] != S2
    host.api.on("/v1/operator/autopilot/health", as_json(body, 429))
    with pytest.raises(AgentError, match="cannot do without it"):
        last_look(host.work(gate_timeout=0))
    work = host.work(state="returned", gate_timeout=0)
    last_look(work)
    assert (work.voters, work.tolerance) == (frozenset(ALL), 0)


def test_another_agent_than_the_one_of_the_store(host: Any) -> None:
    work = host.work()
    work.server_id = S1
    with pytest.raises(AgentError, match="Check host, port and data_dir"):
        last_look(work)


def test_one_that_is_down_needs_nobodys_leave_unless_somebody_has_its_store(host: Any) -> None:
    host.api.close()
    work = host.work()
    last_look(work)
    assert (work.up, work.voters, work.tolerance) == (False, None, 0)
    assert ask_once(work.subject, S2).reason == "the server is down"
    with host.store_open():
        with pytest.raises(AgentError, match="the agent seems to run"):
            last_look(host.work())
        last_look(host.work(repair=True))


def test_one_that_is_silent_is_not_down(host: Any) -> None:
    host.api.on("/v1/agent/self", plain(500, "no"))
    with pytest.raises(AgentError):
        last_look(host.work())
    last_look(host.work(repair=True))
