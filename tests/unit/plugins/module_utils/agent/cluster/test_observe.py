# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a condition, over HTTP: what is asked, and that errors of the API are reasons, not failures."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import Connection
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster import observe
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.health import Wanted
from support.agent_server import AgentServer, Answer, as_json, plain, recorded
from support.recordings import recording

SELF, HEALTH = "/v1/agent/self", "/v1/operator/autopilot/health"
S1, S2 = "e93eaec1-b82a-bf92-f2a5-79d404511e21", "1e70156a-c6aa-01a1-ba14-e2df5513ced6"


@pytest.fixture
def client(server: AgentServer) -> Client:
    return Client(Connection(port=server.port, timeout_s=2.0))


def follower(applied: int, commit: int) -> Answer:
    body: dict[str, Any] = copy.deepcopy(recording("agent_self-follower-boltdb-after-return")["body"])
    body["stats"]["raft"].update(applied_index=str(applied), commit_index=str(commit))
    return as_json(body)


def test_back_asks_the_server_and_the_leader(server: AgentServer, client: Client) -> None:
    server.on(SELF, follower(15, 15))
    server.on(HEALTH, recorded("autopilot_health-healthy"))
    look = observe.look(client, "back", Wanted(server_id=S2, backend="boltdb"))
    assert look.verdict.ok
    assert look.observation["agent"]["id"] == S2 and len(look.observation["autopilot"]["voters"]) == 3
    assert [seen.path for seen in server.seen] == [SELF, HEALTH]


def test_entries_under_way_do_not_count_against_a_busy_server(server: AgentServer, client: Client) -> None:
    server.on(SELF, follower(15, 17), follower(17, 18), follower(18, 18))
    server.on(HEALTH, recorded("autopilot_health-healthy"))
    assert observe.look(client, "back", Wanted()).verdict.ok
    assert len(server.asked(SELF)) == 3


def test_a_server_that_stays_behind_is_not_asked_for_ever(server: AgentServer, client: Client) -> None:
    server.on(SELF, follower(15, 17))
    server.on(HEALTH, recorded("autopilot_health-healthy"))
    assert "applied entry 15, but 17 is committed" in observe.look(client, "back", Wanted()).verdict.reason
    assert len(server.asked(SELF)) == 5


def test_a_restarted_server_is_asked_once_per_look(server: AgentServer, client: Client) -> None:
    server.on(SELF, follower(0, 5))
    server.on(HEALTH, recorded("autopilot_health-healthy"))
    assert not observe.look(client, "back", Wanted()).verdict.ok
    assert len(server.asked(SELF)) == 1


@pytest.mark.parametrize(
    "case", ["acl-agent_self-valid_token-just_restarted", "acl-agent_self-not_a_uuid", "acl-agent_self-no_token"]
)
def test_a_refusal_is_a_reason_and_never_final(server: AgentServer, client: Client, case: str) -> None:
    server.on(SELF, recorded(case))
    look = observe.look(client, "back", Wanted())
    assert not look.verdict.ok and not look.verdict.final
    assert client.url in look.verdict.reason
    assert look.observation["agent"] is None and look.observation["agent_error"] == look.verdict.reason


def test_without_a_leader_the_server_still_answers(server: AgentServer, client: Client) -> None:
    server.on(SELF, follower(15, 15))
    server.on(HEALTH, recorded("autopilot_health-no_leader"))
    look = observe.look(client, "serving", Wanted())
    assert "No cluster leader" in look.verdict.reason and look.observation["agent"]["id"] == S2


def test_a_wrong_server_is_final_even_without_a_leader(server: AgentServer, client: Client) -> None:
    server.on(SELF, follower(15, 15))
    server.on(HEALTH, plain(500, "No cluster leader"))
    for until in ("back", "serving", "stoppable"):
        assert observe.look(client, until, Wanted(server_id=S1)).verdict.final


def test_healthy_asks_the_leader_only(server: AgentServer, client: Client) -> None:
    server.on(HEALTH, recorded("autopilot_health-healthy"))
    assert observe.look(client, "healthy", Wanted()).verdict.ok
    assert [seen.path for seen in server.seen] == [HEALTH]


def test_stoppable_is_about_the_server_that_was_asked(server: AgentServer, client: Client) -> None:
    server.on(SELF, follower(15, 15))
    server.on(HEALTH, recorded("autopilot_health-healthy"))
    assert "s2.global may be stopped" in observe.look(client, "stoppable", Wanted()).verdict.reason


def test_a_repair_is_about_the_server_that_cannot_be_asked(server: AgentServer, client: Client) -> None:
    server.on(HEALTH, recorded("autopilot_health-one_removed"))
    look = observe.look(client, "stoppable", Wanted(server_id=S2, repair=True))
    assert look.verdict.ok and look.observation["agent"] is None
    assert [seen.path for seen in server.seen] == [HEALTH]
