# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""autopilot_health_info against recorded answers."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.modules import autopilot_health_info
from support.agent_server import AgentServer
from support.run_module import documented, run


@pytest.mark.parametrize(
    ("case", "status", "healthy"), [("healthy", 200, True), ("one_failed", 429, False), ("just_elected", 429, False)]
)
def test_a_sick_cluster_is_an_answer(server: AgentServer, case: str, status: int, healthy: bool) -> None:
    server.play(f"autopilot_health-{case}")
    result = run(autopilot_health_info, port=server.port)
    assert set(result) == documented(autopilot_health_info) | {"changed"}
    assert (result["answered"], result["status"], result["autopilot"]["healthy"]) == (True, status, healthy)


def test_no_leader_fails_or_is_described(server: AgentServer) -> None:
    server.play("autopilot_health-no_leader")
    assert "No cluster leader" in run(autopilot_health_info, port=server.port)["msg"]
    result = run(autopilot_health_info, port=server.port, required=False)
    assert (result["answered"], result["status"], result["autopilot"]) == (False, 500, None)
    assert set(result) == documented(autopilot_health_info) | {"changed"}
