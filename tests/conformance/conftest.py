# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters for the tests of what an agent answers."""

from __future__ import annotations

from support.cluster.fixtures import end_clusters_of_test, make_cluster

__all__ = ["end_clusters_of_test", "make_cluster"]
