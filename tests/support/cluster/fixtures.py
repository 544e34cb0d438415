# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixture `make_cluster`: each cluster is stopped at the end of its test or module, whatever happened.

A conftest.py imports it for the tests beside it and below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.cluster.cluster import Cluster

MakeCluster = Callable[..., Cluster]


@pytest.fixture(scope="module")
def make_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeCluster]:
    """make_cluster(**options of Cluster) -> a running, healthy cluster on addresses of its own.

    `prepare` is called with the cluster before its first start.
    """
    made: list[Cluster] = []

    def make(prepare: Callable[[Cluster], None] | None = None, **options: Any) -> Cluster:
        cluster = Cluster(tmp_path_factory.mktemp("cluster") / "c", **options)
        made.append(cluster)
        if prepare:
            prepare(cluster)
        cluster.start()
        cluster.wait_healthy(60)
        return cluster

    yield make
    for cluster in made:
        cluster.stop_all()
