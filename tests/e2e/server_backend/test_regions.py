# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_backend on the only server of a region beside another such region: its log is never free of errors."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support.cluster.cluster import Cluster
from support.cluster.server import Server, wait_until
from support.rolls import backend
from support.rolls.backend import faulty, is_wholly_on, running

BOOTSTRAP = "skipping adding Raft peer because an existing peer is in bootstrap mode"


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of one of two regions, which know each other by gossip."""
    root = tmp_path_factory.mktemp("regions")
    regions = [Cluster(root / name, size=1, extra_hcl=f'region = "{name}"\n') for name in ("north", "south")]
    addresses = [region.servers[0].address for region in regions]
    for region, address in zip(regions, addresses):
        path = region.servers[0].config_path
        path.write_text(path.read_text().replace(json.dumps([address]), json.dumps(addresses)))
    try:
        for region in regions:
            region.start()
        for region in regions:
            region.wait_healthy(60)
        server = regions[0].servers[0]
        wait_until("gossip", lambda: len(server.api("GET", "/v1/agent/members").body["Members"]) == 2, 30)
        yield server
    finally:
        for region in regions:
            region.stop_all()


def test_it_stays_on_the_wal(lone: Server) -> None:
    for name in ("wal", "boltdb"):
        result = backend.call(lone, backend=name, allow_outage=True)
        assert not result.get("failed") and result["backend"] == name and not result["returned"], result
        assert any(BOOTSTRAP in line for line in result["log"]["harmless"]), result["log"]
        assert (result["log"]["errors"], result["log"]["unknown"]) == ([], [])
        assert is_wholly_on(lone, name)


def test_an_error_about_its_store_is_found_all_the_same(lone: Server) -> None:
    result = backend.call(lone, start_command=faulty(lone, "log"), allow_outage=True)
    assert result["failed"] and (result["step"], result["left"]) == ("log", "running"), result
    assert "failed to append to logs" in result["msg"] and running(lone) == "wal"
    assert any(BOOTSTRAP in line for line in result["log"]["harmless"]), result["log"]
    back = backend.call(lone, state="returned", allow_outage=True)
    assert not back.get("failed") and back["backend"] == "boltdb" and is_wholly_on(lone, "boltdb"), back
