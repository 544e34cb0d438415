# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is measured on one host, beside an agent with recorded answers and its real store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import Connection
from ansible_collections.raftops.nomad.plugins.module_utils._measure import trial
from ansible_collections.raftops.nomad.plugins.module_utils._measure.cost import NO_METRICS, Asked, cost
from support.agent_server import AgentServer, as_json, plain
from support.metrics import bodies
from support.recordings import unpack_store


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SIZES", (50_000, 100_000))


def measured(server: AgentServer, data_dir: Path, backend: str = "wal", disk: bool = True) -> dict[str, Any]:
    return cost(Client(Connection(port=server.port)), Asked(str(data_dir), backend, 0, disk))


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
    assert found["syncs"]["median_ms"] > 0 and len(found["trial"]) == 2
    assert [path.name for path in (tmp_path / "server").iterdir()] == ["raft"]


def test_a_server_on_the_wal_has_nothing_to_try(server: AgentServer, tmp_path: Path) -> None:
    answer(server, "leader", "wal")
    found = measured(server, data_dir(tmp_path, "wal-follower"))
    assert (found["backend"], found["trial"], found["errors"]) == ("wal", [], {})
    assert found["syncs"]["number"] > 0 and found["figures"]["commit"]["mean_ms"] > 0
    assert len(measured(server, tmp_path, "boltdb")["trial"]) == 2


def test_an_agent_without_metrics_is_a_sentence_and_the_rest_is_there(server: AgentServer, tmp_path: Path) -> None:
    server.play("agent_self-follower-boltdb")
    server.on("/v1/metrics", plain(404, "404 page not found"))
    found = measured(server, data_dir(tmp_path, "follower"))
    assert "/v1/metrics: 404 page not found (404)" in found["errors"]["metrics"]
    assert found["entries"] > 0 and found["syncs"] and len(found["trial"]) == 2


def test_metrics_without_those_of_raft_are_a_sentence(server: AgentServer, tmp_path: Path) -> None:
    server.play("agent_self-follower-boltdb")
    server.on("/v1/metrics", as_json({"Timestamp": "t", "Gauges": []}))
    assert measured(server, data_dir(tmp_path, "follower"), disk=False)["errors"] == {"metrics": NO_METRICS}


def test_a_server_that_is_down_has_a_disk(tmp_path: Path) -> None:
    found = cost(Client(Connection(port=1)), Asked(str(data_dir(tmp_path, "follower")), "wal", 0, True))
    assert "no answer" in found["errors"]["metrics"] and found["entries"] is None
    assert found["syncs"] and found["trial"] == [], "nobody knows how much there is to convert"


def test_without_the_disk_nothing_is_written(server: AgentServer, tmp_path: Path) -> None:
    answer(server, "follower", "boltdb")
    found = measured(server, data_dir(tmp_path, "follower"), disk=False)
    assert (found["syncs"], found["trial"]) == (None, [])


def test_where_nothing_can_be_measured_it_says_why(server: AgentServer, tmp_path: Path) -> None:
    answer(server, "follower", "boltdb")
    assert "no Raft directory" in measured(server, tmp_path)["errors"]["store"]
    (data_dir(tmp_path, "follower") / "server/.raftops-scratch").symlink_to("/etc")
    assert "this is in the way" in measured(server, tmp_path)["errors"]["disk"]
