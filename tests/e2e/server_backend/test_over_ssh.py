# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_backend begun over ssh and left alone in each way, in both directions. Thirty moments each: make test-long."""

from __future__ import annotations

import pytest
from support.cluster.cluster import Cluster
from support.cluster.witness import Witness
from support.rolls import alone, backend
from support.rolls.alone import Controller
from support.rolls.backend import is_wholly_on, stop_and
from support.rolls.moments import CUT, WAYS, Moment, moments

SEED = 1
EACH_WAY_ONCE = moments(SEED, len(WAYS))
ALTERNATING = [moment for number, moment in enumerate(EACH_WAY_ONCE) if number % 4 in (0, 3)]


@pytest.mark.parametrize("moment", ALTERNATING, ids=str)
def test_left_alone_it_is_back_by_itself_and_the_next_run_says_so(
    far: Controller, cluster: Cluster, watched: Witness, moment: Moment
) -> None:
    alone.survives(far, moment)
    cluster.wait_healthy(60)


def test_cut_off_and_begun_again_at_once_it_attaches(far: Controller, watched: Witness) -> None:
    server, moment = far.server, EACH_WAY_ONCE[0]
    assert not backend.call(server, backend="boltdb").get("failed")
    before = backend.number(server)
    child = far.began(moment, stop_command=stop_and(server, "sleep 5"))
    backend.wait_for(server, "stop", before)
    at_work = backend.number(server)
    alone.LOSE[CUT](child, far.hosts)
    result = far.next_run(moment.backend)
    assert result["attached"] and result["changed"] and result["phases"]["stop"] > 5, result
    assert backend.number(server) == at_work and is_wholly_on(server, moment.backend)
    assert child.wait(60) != 0
    assert far.next_run(moment.backend)["earlier"] is None


def test_no_conversion_has_lost_anything(far: Controller) -> None:
    alone.assert_nothing_lost_in_any_conversion(far.server)
