# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters and fleets for the end-to-end tests."""

from __future__ import annotations

from support.cluster.fixtures import end_clusters_of_test, make_cluster
from support.fleet.fixtures import fleet_dir, standins

__all__ = ["end_clusters_of_test", "fleet_dir", "make_cluster", "standins"]
