# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The generated agents of tests/interop, many more of them: AGENT_CASES (100,000) from the seed AGENT_SEED."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.agents.run import run_shard

CASES = int(os.environ.get("AGENT_CASES", "100000"))
SEED = os.environ.get("AGENT_SEED", "long")
SHARDS = 16


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_great_many_generated_agents(shard: int, tmp_path: Path) -> None:
    counts = run_shard(SEED, range(shard, CASES, SHARDS), tmp_path)
    assert counts["accepted"] and counts["edited"], counts
