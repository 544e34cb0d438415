# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may lead next, and what counts as proof that it does."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.answers import Autopilot
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client, answers
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import Connection
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster import leadership
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.leadership import Goal
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from support.agent_server import AgentServer, as_json, plain
from support.recordings import recording

S1, S2, S3 = (
    "e93eaec1-b82a-bf92-f2a5-79d404511e21",
    "1e70156a-c6aa-01a1-ba14-e2df5513ced6",
    "0c36f51e-b2bb-1b17-949f-a5a934efe5a8",
)


def cluster(**indexes: int) -> Autopilot:
    """Recorded cluster A, s1 leads; `indexes` sets last indexes by short name."""
    healthy = answers.parse_autopilot(recording("autopilot_health-healthy")["body"])
    servers = tuple(one._replace(last_index=indexes.get(one.name[:2], one.last_index)) for one in healthy.servers)
    return healthy._replace(servers=servers)


def sick(autopilot: Autopilot, *ids: str) -> Autopilot:
    servers = tuple(one._replace(healthy=one.id not in ids) for one in autopilot.servers)
    return autopilot._replace(servers=servers)


def test_a_leader_gives_way_to_the_voter_with_the_longest_log() -> None:
    assert leadership.plan(cluster(s2=14, s3=15), S1, Goal()).target.id == S3
    assert leadership.plan(cluster(s2=16, s3=15), S1, Goal()).target.id == S2


def test_the_first_able_candidate_is_taken() -> None:
    assert leadership.plan(cluster(s2=1, s3=15), S1, Goal(candidates=[S2, S3])).target.id == S2
    assert leadership.plan(sick(cluster(), S2), S1, Goal(candidates=[S2, S3])).target.id == S3
    assert leadership.plan(cluster(), S1, Goal(candidates=[S1, S3])).target.id == S3  # never to itself


def test_who_does_not_lead_has_nothing_to_give() -> None:
    plan = leadership.plan(cluster(), S2, Goal())
    assert plan.leader == plan.target and plan.leader.id == S1


def test_a_named_server_that_leads_already_stays() -> None:
    plan = leadership.plan(cluster(), S2, Goal(server_id=S1))
    assert plan.leader == plan.target


@pytest.mark.parametrize(
    ("autopilot", "goal", "words"),
    [
        (cluster(), Goal(server_id="nobody"), "does not know the server nobody"),
        (sick(cluster(), S3), Goal(server_id=S3), "s3.global is not a healthy voter"),
        (sick(cluster(), S2, S3), Goal(), "no other server is a healthy voter"),
        (cluster(), Goal(candidates=[]), "none of the candidates"),
        (cluster(), Goal(candidates=["nobody"]), "none of the candidates"),
        (answers.parse_autopilot(recording("autopilot_health-just_elected")["body"]), Goal(), "no settled leader"),
    ],
)
def test_nobody_able_is_a_sentence(autopilot: Autopilot, goal: Goal, words: str) -> None:
    with pytest.raises(AgentError, match=words):
        leadership.plan(autopilot, S1, goal)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def other() -> Iterator[AgentServer]:
    running = AgentServer()
    yield running
    running.close()


TARGET = next(one for one in cluster().servers if one.id == S2)


def prove(server: AgentServer, other: AgentServer | None = None) -> tuple[bool, str]:
    clock = Clock()
    clients = [Client(Connection(port=one.port, timeout_s=2.0)) for one in (server, other) if one]
    outcome = leadership.prove(clients[0], clients[1] if other else None, TARGET, 3, 1, clock, clock.sleep)
    return outcome.satisfied, outcome.last.verdict.reason


def test_it_leads_when_the_old_leader_says_so_for_a_while(server: AgentServer) -> None:
    server.on("/v1/status/leader", plain(500, "No cluster leader"), as_json(""), as_json(TARGET.address))
    assert prove(server) == (True, "s2.global leads")
    assert len(server.seen) > 5


def test_leadership_that_comes_back_is_not_proven(server: AgentServer) -> None:
    bounced = [as_json(TARGET.address)] * 5 + [as_json("127.0.0.11:4647")]
    server.on("/v1/status/leader", *bounced)
    satisfied, reason = prove(server)
    assert not satisfied and "127.0.0.11:4647 leads, not s2.global" in reason


def test_the_new_leader_itself_must_say_so(server: AgentServer, other: AgentServer) -> None:
    server.on("/v1/status/leader", as_json(TARGET.address))
    body = copy.deepcopy(recording("agent_self-follower-boltdb-after-return")["body"])
    other.on("/v1/agent/self", as_json(body))
    assert prove(server, other) == (False, "s2.global itself says that it is Follower")
    body["stats"]["raft"]["state"] = "Leader"
    other.on("/v1/agent/self", as_json(body))
    assert prove(server, other)[0] is True


def test_a_wrong_target_address_is_final(server: AgentServer, other: AgentServer) -> None:
    server.on("/v1/status/leader", as_json(TARGET.address))
    other.play("agent_self-leader-boltdb")
    satisfied, reason = prove(server, other)
    assert not satisfied and "check target_host" in reason and len(other.seen) == 1


def test_a_long_wait_says_who_leads_meanwhile(server: AgentServer) -> None:
    server.on("/v1/status/leader", as_json("127.0.0.11:4647"))
    told, now = [], [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    client = Client(Connection(port=server.port, timeout_s=5.0))
    leadership.prove(client, None, TARGET, 8, 2, lambda: now[0], sleep, told.append)
    assert told == [f"127.0.0.11:4647 leads, not s2.global ({TARGET.address}) (5 s of 8 s)"]
