# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that goes through all faults of a file, while a writer writes. A follower and the leader are still to do.

The third server is on the WAL from the start: a roll of two passes every gate, and takes less time than one of three.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.cluster.cluster import Cluster
from support.cluster.server import Server
from support.cluster.witness import Witness, witnessed
from support.rolls import backend, leftbehind


@pytest.fixture(scope="module")
def cluster(make_cluster: Any) -> Cluster:
    return make_cluster(backends=("boltdb", "boltdb", "wal"))


@pytest.fixture(scope="module", autouse=True)
def witness(cluster: Cluster) -> Iterator[Witness]:
    with witnessed(cluster) as one:
        yield one


@pytest.fixture(autouse=True)
def healthy(cluster: Cluster) -> None:
    """As a person would have put it right after a fault: all servers run, s2 leads, and s1 comes next."""
    first, leader, _done = cluster.servers
    cluster.start()
    cluster.wait_healthy()
    cluster.lead_by(leader)
    cluster.wait_healthy()
    on_backend(first, "boltdb")


@pytest.fixture
def leader_is_next(cluster: Cluster, healthy: None) -> Server:
    """The leader, when all others are done."""
    on_backend(cluster.servers[0], "wal")
    return cluster.servers[1]


def on_backend(server: Server, name: str) -> None:
    """Bring it there, if it is not."""
    if not leftbehind.is_on(server, name):
        result = backend.call(server, backend=name)
        assert not result.get("failed"), result
