# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of which one follower is on BoltDB before each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from support.cluster.cluster import Cluster
from support.cluster.server import Server
from support.cluster.witness import Witness, witnessed
from support.rolls import backend
from support.rolls.alone import Controller, reached


@pytest.fixture(scope="module")
def cluster(make_cluster: Callable[..., Cluster]) -> Cluster:
    return make_cluster()


@pytest.fixture
def watched(cluster: Cluster) -> Iterator[Witness]:
    """Every write that is acknowledged meanwhile is there afterwards, and a majority always lived."""
    with witnessed(cluster) as witness:
        yield witness


@pytest.fixture
def server(cluster: Cluster) -> Iterator[Server]:
    """A follower of a healthy cluster, on BoltDB, with nothing untold of earlier tests."""
    cluster.start()
    cluster.wait_healthy(60)
    one = cluster.followers()[0]
    result = backend.call(one, backend="boltdb")
    assert not result.get("failed"), result
    yield one
    backend.wait_over(one)


@pytest.fixture(scope="module")
def far(cluster: Cluster) -> Iterator[Controller]:
    """A follower as a host reached by ssh."""
    with reached(cluster.followers()[0]) as controller:
        yield controller
