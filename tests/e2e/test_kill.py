# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook is killed in the middle of a roll; run again it finishes. More moments: make test-long."""

from __future__ import annotations

from typing import Any

import pytest
from support.rolls import killing

# The kinds of moments: a server gone (0), so many tasks (1), a server back (2).
OTHERS = [1, 2, *range(100, 130)]


def test_a_killed_roll_is_finished_by_the_next_run(make_cluster: Any) -> None:
    killing.survives(make_cluster, 0)


@pytest.mark.long
@pytest.mark.parametrize("seed", OTHERS)
def test_a_roll_killed_at_another_moment_is_finished_by_the_next_run(make_cluster: Any, seed: int) -> None:
    killing.survives(make_cluster, seed)
