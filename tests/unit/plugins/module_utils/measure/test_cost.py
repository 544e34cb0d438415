# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is measured on one host, beside an agent with recorded answers and its real store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import Connection
from ansible_collections.raftops.nomad.plugins.module_utils._measure.cost import NO_METRICS, cost
from support.agent_server import AgentServer, as_json, plain
from support.metrics import bodies
from support.recordings import unpack_store


def measured(server: AgentServer, data_dir: Path) -> dict[str, Any]:
    return cost(Client(Connection(port=server.port)), str(data_dir), 0)


def answer(server: AgentServer, role: str, backend: str) -> None:
    server.play(f"agent_self-{role}-{backend}")
    server.on("/v1/metrics", as_json(bodies(f"{backend}-{role}")[0]))


def data_dir(tmp_path: Path, store: str) -> Path:
    (tmp_path / "server").mkdir()
    unpack_store(store, tmp_path / "server")
    return tmp_path


def test_a_server_on_boltdb(server: AgentServer, tmp_path: Path) -> None:
    answer(server, "follower", "boltdb")
    found = measured(server, data_dir(tmp_path, "follower"))
    assert (found["backend"], found["errors"], found["no_freelist_sync"]) == ("boltdb", {}, False)
    assert found["size"] == (tmp_path / "server/raft/raft.db").stat().st_size
    assert 0 < found["data_bytes"] <= found["live_bytes"] <= found["size"]
    assert found["entries"] > 0 and found["figures"]["store"]["mean_ms"] > 0


def test_a_server_on_the_wal(server: AgentServer, tmp_path: Path) -> None:
    answer(server, "leader", "wal")
    found = measured(server, data_dir(tmp_path, "wal-follower"))
    assert (found["backend"], found["errors"]) == ("wal", {})
    assert found["figures"]["commit"]["mean_ms"] > 0 and found["data_bytes"] > 0


def test_an_agent_without_metrics_is_a_sentence_and_the_rest_is_there(server: AgentServer, tmp_path: Path) -> None:
    server.play("agent_self-follower-boltdb")
    server.on("/v1/metrics", plain(404, "404 page not found"))
    found = measured(server, data_dir(tmp_path, "follower"))
    assert "/v1/metrics: 404 page not found (404)" in found["errors"]["metrics"]
    assert found["entries"] > 0 and found["figures"]["commits_per_s"] is None


def test_metrics_without_those_of_raft_are_a_sentence(server: AgentServer, tmp_path: Path) -> None:
    server.play("agent_self-follower-boltdb")
    server.on("/v1/metrics", as_json({"Timestamp": "t", "Gauges": []}))
    assert measured(server, data_dir(tmp_path, "follower"))["errors"] == {"metrics": NO_METRICS}


def test_of_a_server_that_is_down_only_the_size_is_known(tmp_path: Path) -> None:
    found = cost(Client(Connection(port=1)), str(data_dir(tmp_path, "follower")), 0)
    assert "no answer" in found["errors"]["metrics"]
    assert (found["backend"], found["entries"], found["data_bytes"]) == ("boltdb", None, None) and found["size"] > 0


def test_where_there_is_no_store_it_says_so(server: AgentServer, tmp_path: Path) -> None:
    answer(server, "follower", "boltdb")
    found = measured(server, tmp_path)
    assert "no Raft directory" in found["errors"]["store"] and (found["id"], found["size"]) == ("", None)
