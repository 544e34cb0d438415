# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics that Nomad 2.0.5 has answered with under writes: three intervals of 10 s in a row."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.metrics import Metrics, parse_metrics
from support.paths import NOMAD_2_0_5


def bodies(name: str) -> list[dict[str, Any]]:
    """The answers of boltdb-leader, boltdb-follower, wal-leader or wal-follower."""
    found: list[dict[str, Any]] = json.loads((NOMAD_2_0_5 / f"metrics/{name}.json").read_text())
    return found


def intervals(name: str) -> list[Metrics]:
    """The same, parsed."""
    return [parse_metrics(body) for body in bodies(name)]
