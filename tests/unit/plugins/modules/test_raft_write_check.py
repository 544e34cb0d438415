# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""raft_write_check: its results; the proof itself is in test_writecheck.py."""

from __future__ import annotations

import copy

from ansible_collections.raftops.nomad.plugins.modules import raft_write_check
from support.agent_server import AgentServer, as_json
from support.recordings import recording
from support.run_module import documented, run

S2 = "1e70156a-c6aa-01a1-ba14-e2df5513ced6"
CONFIG = "/v1/operator/autopilot/configuration"


def applied(server: AgentServer, index: int) -> None:
    body = copy.deepcopy(recording("agent_self-follower-boltdb")["body"])
    body["stats"]["raft"].update(applied_index=str(index), commit_index=str(index))
    server.on("/v1/agent/self", as_json(body))
    before = recording("autopilot_configuration")["body"]
    server.on(CONFIG, as_json(before), as_json({**before, "ModifyIndex": 20}))
    server.on(CONFIG, as_json(True), method="PUT")


def test_a_write_that_comes_through_and_what_it_documents(server: AgentServer) -> None:
    applied(server, 20)
    result = run(raft_write_check, port=server.port, server_id=S2, wait_timeout=3)
    assert set(result) == documented(raft_write_check) | {"changed"}
    assert (result["index"], result["provoked"], result["changed"]) == (20, True, False)
    assert "entry 20 and s2.global has applied it" in result["reason"]


def test_one_that_does_not(server: AgentServer) -> None:
    applied(server, 19)
    result = run(raft_write_check, port=server.port, wait_timeout=1)
    assert result["failed"]
    assert "write path is not proven after 1 s: s2.global has applied entry 19, not 20" in result["msg"]


def test_check_mode_asks_nobody_and_does_not_say_ok(server: AgentServer) -> None:
    result = run(raft_write_check, port=server.port, check_mode=True)
    assert result["skipped"]
    assert (result["index"], result["provoked"]) == (None, False) and server.seen == []
