# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters. These tests are there only for `make test-field`, which installs the programs that they run."""

from __future__ import annotations

import os

from support.cluster.fixtures import make_cluster

__all__ = ["make_cluster"]

collect_ignore_glob = [] if "FIELD_BIN" in os.environ else ["test_*"]
