# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""raft_cost_info beside recorded answers: its results are those that it documents."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.raftops.nomad.plugins.modules import raft_cost_info
from support.agent_server import AgentServer, as_json
from support.metrics import bodies
from support.recordings import unpack_store
from support.run_module import documented, run


def test_it_returns_what_it_documents(server: AgentServer, tmp_path: Path) -> None:
    unpack_store("follower", tmp_path)
    server.play("agent_self-follower-boltdb")
    server.on("/v1/metrics", as_json(bodies("boltdb-follower")[0]))
    result = run(raft_cost_info, port=server.port, data_dir=str(tmp_path), sample_for=0)
    assert set(result) == documented(raft_cost_info) | {"changed"} and result["changed"] is False
    cost = yaml.safe_load(raft_cost_info.RETURN)["cost"]["contains"]
    assert set(result["cost"]) == set(cost) and set(result["cost"]["figures"]) == set(cost["figures"]["contains"])
    assert run(raft_cost_info, port=server.port, data_dir=str(tmp_path), sample_for=0, check_mode=True) == result


def test_a_wrong_option_is_a_sentence(tmp_path: Path) -> None:
    assert "host" in run(raft_cost_info, host="http://x", data_dir=str(tmp_path))["msg"]
