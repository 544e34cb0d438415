# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Nomad agent: its configuration, its API, its place in the cluster, its process.

May import `text` and `disk`, never `raftstore`. Four packages: `config`, `api`, `cluster` on `api`, `host`.
Open cluster/health.py first: it defines the conditions that a roll waits for.
"""

from __future__ import annotations

__all__ = ["errors", "versions"]
