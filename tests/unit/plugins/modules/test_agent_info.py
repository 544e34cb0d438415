# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""agent_info against recorded answers."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.modules import agent_info
from support.agent_server import AgentServer
from support.run_module import documented, run

TOKEN = "5f0e0b1c-1111-2222-3333-0123456789ab"


def test_it_returns_what_it_documents(server: AgentServer) -> None:
    server.play("agent_self-leader-boltdb")
    result = run(agent_info, port=server.port)
    assert set(result) == documented(agent_info) | {"changed"}
    assert (result["changed"], result["answered"], result["status"], result["error"]) == (False, True, 200, "")
    assert result["agent"]["backend"] == "boltdb" and result["url"] == f"http://127.0.0.1:{server.port}"
    assert run(agent_info, port=server.port, check_mode=True) == result


def test_an_agent_that_is_down_fails_or_is_described() -> None:
    failed = run(agent_info, port=1)
    assert failed["failed"] and "127.0.0.1:1/v1/agent/self: no answer" in failed["msg"]
    result = run(agent_info, port=1, required=False)
    assert (result["answered"], result["down"], result["status"], result["agent"]) == (False, True, 0, None)
    assert result["error"] == failed["msg"]
    assert set(result) == documented(agent_info) | {"changed"}


def test_a_refused_token_is_described_and_nowhere_shown(server: AgentServer) -> None:
    server.play("acl-agent_self-unknown_token")
    result = run(agent_info, port=server.port, token=TOKEN, required=False)
    assert result["status"] == 403 and result["down"] is False and "agent:read" in result["error"]
    assert TOKEN not in str(result)


def test_a_wrong_option_is_a_sentence_also_when_nothing_is_required() -> None:
    result = run(agent_info, host="http://x", required=False)
    assert result["failed"] and "use_ssl" in result["msg"]
