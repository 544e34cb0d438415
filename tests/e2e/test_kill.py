# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook is killed in the middle of a roll; run again it finishes. Thirty more moments: make test-long."""

from __future__ import annotations

from typing import Any

import pytest
from support.rolls import killing


@pytest.mark.parametrize("seed", [0, 1, 2])  # a server gone, so many tasks, a server back
def test_a_killed_roll_is_finished_by_the_next_run(make_cluster: Any, seed: int) -> None:
    killing.survives(make_cluster, seed)
