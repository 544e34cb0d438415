# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power cuts on a disk in memory that keeps only what was synced; and each sync taken out, which must show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.conversions import crashes, invariants
from support.conversions.crashes import Recorded
from support.conversions.situations import ALL, Situation, Template

Templates = Callable[[Situation], Template]
Cover = Callable[..., None]
LIMIT = 24  # states for each number of calls
LIMIT_ALL = 2000
ONE_OF = 18  # of the states that are tried in `make test`
SHARDS = 2


@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("situation", ALL, ids=lambda situation: situation.name)
def test_power_is_cut_after_every_call(
    situation: Situation, shard: int, templates: Templates, memory_disk: Path, everything: bool, cover: Cover
) -> None:
    template = templates(situation)
    where = memory_disk / f"crash-{situation.name}-{shard}"
    recorded = crashes.record(template, where)
    found = invariants.before(template)
    tried = 0
    for number, state in enumerate(crashes.states(recorded, LIMIT_ALL if everything else LIMIT)):
        near = _near_a_name(recorded, state.after) or state.ended
        if number % SHARDS == shard and (everything or near or number % ONE_OF == 0):
            crashes.check(recorded, state, found, where)
            tried += 1
    cover(f"states after a power cut, to {situation.backend}", tried)


def _near_a_name(recorded: Recorded, after: int) -> bool:
    """Whether the call before or after this moment changes a name in the Raft directory."""
    return any(op.label.startswith(("rename", "link")) for op in recorded.tape.ops[max(0, after - 1) : after + 1])
