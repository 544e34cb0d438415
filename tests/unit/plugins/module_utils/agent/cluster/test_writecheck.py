# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of the write path, on a server that answers as a test tells it to."""

from __future__ import annotations

import copy
import json
from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import Connection
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.writecheck import Proof, prove
from support.agent_server import AgentServer, Answer, as_json, plain
from support.recordings import recording

S2 = "1e70156a-c6aa-01a1-ba14-e2df5513ced6"
CONFIG = "/v1/operator/autopilot/configuration"
BEFORE: dict[str, Any] = recording("autopilot_configuration")["body"]


def agent(applied: int) -> Answer:
    body = copy.deepcopy(recording("agent_self-follower-boltdb")["body"])
    body["stats"]["raft"].update(applied_index=str(applied), commit_index=str(applied))
    return as_json(body)


def proof(server: AgentServer, server_id: str = S2, timeout_s: float = 2.0) -> Proof:
    return prove(Client(Connection("127.0.0.1", server.port)), server_id, timeout_s)


def written(server: AgentServer, index: int) -> None:
    """The next PUT is accepted and becomes this entry."""
    server.on(CONFIG, as_json(BEFORE), as_json({**BEFORE, "ModifyIndex": index}))
    server.on(CONFIG, as_json(True), method="PUT")


def test_the_server_has_to_apply_the_very_entry(server: AgentServer) -> None:
    written(server, 20)
    server.on("/v1/agent/self", agent(18), agent(19), agent(20))
    found = proof(server)
    assert (found.waited.satisfied, found.entry, found.provoked) == (True, 20, True)
    (put,) = [seen for seen in server.seen if seen.method == "PUT"]
    assert json.loads(put.body) == BEFORE, "nothing changes"
    assert put.path.endswith(f"?cas={BEFORE['ModifyIndex']}")


def test_an_entry_that_never_arrives_is_the_reason(server: AgentServer) -> None:
    written(server, 20)
    server.on("/v1/agent/self", agent(19))
    found = proof(server, timeout_s=0.3)
    assert not found.waited.satisfied
    assert found.waited.last.verdict.reason == "s2.global has applied entry 19, not 20"


def test_a_change_by_somebody_else_is_not_lost(server: AgentServer) -> None:
    server.on(CONFIG, as_json(BEFORE), as_json({**BEFORE, "MinQuorum": 3}), as_json({**BEFORE, "ModifyIndex": 30}))
    server.on(CONFIG, as_json(False), as_json(True), method="PUT")
    server.on("/v1/agent/self", agent(30))
    assert proof(server).waited.satisfied
    assert [json.loads(seen.body)["MinQuorum"] for seen in server.seen if seen.method == "PUT"] == [0, 3]


def test_an_error_of_the_write_is_waited_out_or_told(server: AgentServer) -> None:
    written(server, 20)
    server.on(CONFIG, plain(500, "No cluster leader"), method="PUT")
    server.on("/v1/agent/self", agent(20))
    found = proof(server, timeout_s=0.3)
    assert not found.waited.satisfied and "No cluster leader" in found.waited.last.verdict.reason
    server.on(CONFIG, as_json(BEFORE), as_json(BEFORE), as_json({**BEFORE, "ModifyIndex": 20}))
    server.on(CONFIG, plain(500, "No cluster leader"), as_json(True), method="PUT")
    assert proof(server).waited.satisfied


def test_without_the_right_to_write_the_next_entry_of_anybody_counts(server: AgentServer) -> None:
    server.on(CONFIG, as_json(BEFORE))
    server.on(CONFIG, plain(403, "Permission denied"), method="PUT")
    server.on("/v1/agent/self", agent(18), agent(18), agent(19))
    found = proof(server)
    assert (found.waited.satisfied, found.entry, found.provoked) == (True, 19, False)
    idle = proof(server, timeout_s=0.3)
    assert "nobody writes at the moment, and this token may not" in idle.waited.last.verdict.reason


def test_another_server_is_not_waited_for(server: AgentServer) -> None:
    server.on("/v1/agent/self", agent(18))
    found = proof(server, "e93eaec1-b82a-bf92-f2a5-79d404511e21", 300)
    assert not found.waited.satisfied and found.waited.looks == 1
