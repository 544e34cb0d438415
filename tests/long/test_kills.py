# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thirty rolls, each killed at a random moment and run again."""

from __future__ import annotations

from typing import Any

import pytest
from support.rolls import killing


@pytest.mark.parametrize("seed", range(100, 130))
def test_a_killed_roll_is_finished_by_the_next_run(make_cluster: Any, seed: int) -> None:
    killing.survives(make_cluster, seed)
