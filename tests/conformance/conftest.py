# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters for the tests of what an agent answers."""

from __future__ import annotations

from support.cluster.fixtures import make_cluster

__all__ = ["make_cluster"]
