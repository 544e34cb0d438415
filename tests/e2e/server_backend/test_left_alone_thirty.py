# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_backend begun over ssh and left alone at thirty moments between the stop and back, in both directions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.cluster.cluster import Cluster
from support.cluster.witness import witnessed
from support.rolls import alone
from support.rolls.alone import Controller
from support.rolls.moments import Moment, moments

SEED = 17
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def cluster(make_cluster: Any) -> Cluster:
    return make_cluster()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def far(cluster: Cluster) -> Iterator[Controller]:
    with alone.reached(cluster.followers()[0]) as controller:
        yield controller


@pytest.mark.parametrize("moment", moments(SEED, 30), ids=str)
def test_left_alone_it_is_back_by_itself_and_the_next_run_says_so(
    far: Controller, cluster: Cluster, moment: Moment
) -> None:
    with witnessed(cluster):
        alone.survives(far, moment)
        cluster.wait_healthy(60)


def test_no_conversion_has_lost_anything(far: Controller) -> None:
    alone.assert_nothing_lost_in_any_conversion(far.server)
