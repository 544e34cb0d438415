# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""token_info against recorded answers."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.modules import token_info
from support.agent_server import AgentServer
from support.run_module import documented, run

TOKEN = "5f0e0b1c-1111-2222-3333-0123456789ab"


def test_it_returns_what_it_documents_and_does_not_show_the_token(server: AgentServer) -> None:
    server.play("agent_self-acl-agent_read", "acl-autopilot_health-unknown_token", "acl-transfer_noop-unknown_token")
    server.play("acl-autopilot_configuration-unknown_token")
    result = run(token_info, port=server.port, token=TOKEN)
    assert set(result) == documented(token_info) | {"changed"}
    found = [right["capability"] for right in result["lacking"]]
    assert found == ["operator:read", "operator:write", "management"]
    assert (result["changed"], result["error"]) == (False, "")
    assert TOKEN not in str(result)
    assert run(token_info, port=server.port, token=TOKEN, check_mode=True) == result


def test_an_agent_that_is_down_is_described() -> None:
    result = run(token_info, port=1)
    assert result["lacking"] == [] and "127.0.0.1:1/v1/agent/self: no answer" in result["error"]


def test_a_wrong_option_is_a_sentence() -> None:
    assert "use_ssl" in run(token_info, host="http://x")["msg"]
