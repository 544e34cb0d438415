# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of generated agents: our reading and our edits against the parser that Nomad pins and its merge rules.

AGENT_CASES sets how many (2,000), AGENT_SEED which. A failure prints both, and the smallest case that was found.
`make test-long` has 100,000 others.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.agents.run import run_shard

CASES = int(os.environ.get("AGENT_CASES", "2000"))
SEED = os.environ.get("AGENT_SEED", "20261125")
SHARDS = 8
MANY, MANY_SHARDS = 100_000, 16


@pytest.mark.parametrize("shard", range(SHARDS))
def test_generated_agents_are_read_as_nomad_reads_them_and_edited_right(shard: int, tmp_path: Path) -> None:
    counts = run_shard(SEED, range(shard, CASES, SHARDS), tmp_path)
    cases = sum(1 for _case in range(shard, CASES, SHARDS))
    assert counts["accepted"] > cases // 4 and counts["refused by both"] > cases // 20, counts
    assert counts["edited"] > cases // 3, counts


@pytest.mark.long
@pytest.mark.parametrize("shard", range(MANY_SHARDS))
def test_a_great_many_generated_agents(shard: int, tmp_path: Path) -> None:
    counts = run_shard(f"{SEED} long", range(shard, MANY, MANY_SHARDS), tmp_path)
    assert counts["accepted"] and counts["edited"], counts
