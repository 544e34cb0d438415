# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook is killed in the middle of a roll; run again it finishes.

In `make test`: what began a server's work is killed (server_backend/test_left_alone.py), a connection is cut in the
middle of a roll (sshd/test_cut_off.py), and each step of the plan and of a turn finds what an earlier run has left.
"""

from __future__ import annotations

from typing import Any

import pytest
from support.rolls import killing

pytestmark = pytest.mark.long
# The kinds of moments: a server gone (0), so many tasks (1), a server back (2).
MOMENTS = [0, 1, 2, *range(100, 130)]


@pytest.mark.parametrize("seed", MOMENTS)
def test_a_killed_roll_is_finished_by_the_next_run(make_cluster: Any, seed: int) -> None:
    killing.survives(make_cluster, seed)
