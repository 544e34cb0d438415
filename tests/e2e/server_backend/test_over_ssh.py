# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_backend begun over ssh and left alone in each way, in both directions. Thirty moments each: make test-long."""

from __future__ import annotations

import pytest
from support.cluster.cluster import Cluster
from support.cluster.witness import Witness
from support.rolls import alone
from support.rolls.alone import Controller
from support.rolls.moments import WAYS, Moment, moments

SEED = 1
EACH_WAY_ONCE = moments(SEED, len(WAYS))
ALTERNATING = [moment for number, moment in enumerate(EACH_WAY_ONCE) if number % 4 in (0, 3)]


@pytest.mark.parametrize("moment", ALTERNATING, ids=str)
def test_left_alone_it_is_back_by_itself_and_the_next_run_says_so(
    far: Controller, cluster: Cluster, watched: Witness, moment: Moment
) -> None:
    alone.survives(far, moment)
    cluster.wait_healthy(60)


def test_no_conversion_has_lost_anything(far: Controller) -> None:
    alone.assert_nothing_lost_in_any_conversion(far.server)
