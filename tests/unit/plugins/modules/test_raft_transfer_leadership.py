# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""raft_transfer_leadership: when it moves, what it reports; who may lead is in test_leadership."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.modules import raft_transfer_leadership
from support.agent_server import AgentServer, as_json, recorded
from support.run_module import documented, run

S1, S2 = "e93eaec1-b82a-bf92-f2a5-79d404511e21", "1e70156a-c6aa-01a1-ba14-e2df5513ced6"
TRANSFER, LEADER = "/v1/operator/raft/transfer-leadership", "/v1/status/leader"
QUICK = {"wait_timeout": 1, "stable_for": 0.2}


@pytest.fixture
def leader(server: AgentServer) -> AgentServer:
    """s1, which leads; a transfer to s2 works."""
    server.play("agent_self-leader-boltdb", "autopilot_health-healthy", "transfer-ok-id")
    server.on(LEADER, as_json("127.0.0.11:4647"), as_json("127.0.0.12:4647"))
    return server


def transfer(server: AgentServer, **options: Any) -> dict[str, Any]:
    return run(raft_transfer_leadership, port=server.port, **{**QUICK, **options})


def test_a_leader_gives_way_and_the_proof_is_in_the_result(leader: AgentServer) -> None:
    result = transfer(leader, candidates=[S2])
    assert set(result) == documented(raft_transfer_leadership) - {"denied"} | {"changed"}
    assert result["changed"] and result["from"]["id"] == S1 and result["to"]["id"] == S2
    assert result["reason"] == "s2.global leads instead of s1.global, for 0.2 s in a row"
    assert [seen.path for seen in leader.asked(TRANSFER)] == [f"{TRANSFER}?id={S2}"]
    assert result["elapsed"] >= 0.2


def test_who_does_not_lead_changes_nothing(server: AgentServer) -> None:
    server.play("agent_self-follower-boltdb", "autopilot_health-healthy")
    result = transfer(server)
    assert not result["changed"] and result["from"] == result["to"]
    assert server.asked(TRANSFER) == []


def test_check_mode_chooses_and_does_not_move(leader: AgentServer) -> None:
    result = transfer(leader, server_id=S2, check_mode=True)
    assert result["changed"] and result["to"]["name"] == "s2.global" and "would lead" in result["reason"]
    assert leader.asked(TRANSFER) == []


def test_a_transfer_that_does_not_show_fails(leader: AgentServer) -> None:
    leader.on(LEADER, as_json("127.0.0.11:4647"))
    result = transfer(leader, server_id=S2)
    assert result["failed"] and "127.0.0.11:4647 leads, not s2.global" in result["msg"]


def test_a_refused_transfer_names_the_token_that_is_needed(leader: AgentServer) -> None:
    leader.on(TRANSFER, recorded("acl-transfer_noop-operator_read"), method="PUT")
    result = transfer(leader)
    assert "management" in result["msg"] and result["denied"] is True
    assert transfer(leader, candidates=[])["denied"] is False


@pytest.mark.parametrize("path", ["/v1/agent/self", "/v1/operator/autopilot/health"])
def test_a_refused_question_is_no_refused_transfer(leader: AgentServer, path: str) -> None:
    """A roll stops the leader without a transfer where that is refused; a question that is refused ends it."""
    leader.on(path, recorded("acl-transfer_noop-not_a_uuid"))
    result = transfer(leader, server_id=S2)
    assert result["failed"] and result["denied"] is False
    assert leader.asked(TRANSFER) == []


def test_nobody_able_to_lead_fails_before_anything_moves(leader: AgentServer) -> None:
    assert "none of the candidates" in transfer(leader, candidates=[])["msg"]
    assert "mutually exclusive" in transfer(leader, candidates=[], server_id=S2)["msg"]
    assert leader.asked(TRANSFER) == []


def test_the_new_leader_is_asked_itself_when_its_address_is_known(leader: AgentServer) -> None:
    result = transfer(leader, server_id=S2, target_host="127.0.0.1", target_port=leader.port)
    assert result["failed"] and "check target_host" in result["msg"]  # s1 answers there
