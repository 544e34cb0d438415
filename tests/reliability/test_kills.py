# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at every change of the disk, both directions, one worker and two; then the same command again.

In the sample a point is tried once: with one worker or with two, in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.conversions import invariants, runs
from support.conversions.kills import killed_at
from support.conversions.sampling import chosen
from support.conversions.situations import ALL, Situation, Template

Templates = Callable[[Situation], Template]
SHARDS = 2
WORKERS = (1, 2)


@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("situation", ALL, ids=lambda situation: situation.name)
def test_killed_at_every_change(
    situation: Situation,
    workers: int,
    shard: int,
    templates: Templates,
    memory_disk: Path,
    everything: bool,
    cover: Callable[..., None],
) -> None:
    template = templates(situation)
    found = invariants.before(template)
    where = memory_disk / f"kill-{situation.name}-{workers}-{shard}"
    changes = runs.record(template, where, workers)
    points = chosen(changes, everything)
    if not everything:
        points = points[WORKERS.index(workers) :: len(WORKERS)]
    for number, change in points[shard::SHARDS]:
        cover(f"kills to {situation.backend}", killed_at(number, change, template, found, where, workers))
