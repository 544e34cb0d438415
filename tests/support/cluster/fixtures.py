# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixture `make_cluster`: each cluster is stopped at the end of its test or module, whatever happened.

A conftest.py imports both fixtures for the tests beside it and below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.cluster.cluster import Cluster


class MakeCluster:
    """make_cluster(**options of Cluster) -> a running, healthy cluster on addresses of its own."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self._made: list[Cluster] = []

    def __call__(self, prepare: Callable[[Cluster], None] | None = None, **options: Any) -> Cluster:
        """`prepare` is called with the cluster before its first start."""
        cluster = Cluster(self._factory.mktemp("cluster") / "c", **options)
        self._made.append(cluster)
        if prepare:
            prepare(cluster)
        cluster.start()
        cluster.wait_healthy(60)
        return cluster

    def count(self) -> int:
        """How many were made and have not been ended."""
        return len(self._made)

    def end(self, kept: int = 0) -> None:
        """Stop all but the first so many."""
        while len(self._made) > kept:
            self._made.pop().stop_all()


@pytest.fixture(scope="module")
def make_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeCluster]:
    make = MakeCluster(tmp_path_factory)
    yield make
    make.end()


@pytest.fixture(autouse=True)
def end_clusters_of_test(make_cluster: MakeCluster) -> Iterator[None]:
    """Those that a test makes for itself end with it: idle servers are no trifle to the tests beside them."""
    of_module = make_cluster.count()
    yield
    make_cluster.end(of_module)
