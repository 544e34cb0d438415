# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of four that goes through all faults of a file, while a writer writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.cluster.cluster import Cluster
from support.cluster.witness import Witness, witnessed


@pytest.fixture(scope="module")
def cluster(make_cluster: Any) -> Cluster:
    return make_cluster(size=4)


@pytest.fixture(scope="module", autouse=True)
def witness(cluster: Cluster) -> Iterator[Witness]:
    with witnessed(cluster) as one:
        yield one


@pytest.fixture(autouse=True)
def healthy(cluster: Cluster) -> None:
    """As a person would have put it right after a fault: all servers run."""
    cluster.start()
    cluster.wait_healthy()
