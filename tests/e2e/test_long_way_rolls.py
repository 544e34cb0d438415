# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole rolls over ssh with a long way, with and without pipelining, there and back, beside the same on loopback.

The links take turns. Of each the least times count, because others use the machine too.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.cluster.cluster import Cluster
from support.rolls import figures
from support.rolls.delayline import LongWay
from support.rolls.figures import Figures
from support.rolls.overssh import LINKS, ROUND_TRIP_S, hosts_of

pytestmark = pytest.mark.long

WITHIN_S = 0.2
ROUNDS = 2
MOST_TASKS = 90
LOOPBACK, *OVER_SSH = LINKS
PLAYBOOKS = ("migrate", "rollback")

Rolls = dict[tuple[str, str], list[Figures]]


@pytest.fixture(scope="module")
def rolls(make_cluster: Callable[..., Cluster]) -> Rolls:
    """By link and playbook."""
    cluster = make_cluster()
    found: Rolls = {}
    with hosts_of(cluster, LongWay(ROUND_TRIP_S)) as (_hosts, inventory):
        for _round in range(ROUNDS):
            for link, flags in LINKS.items():
                for playbook in PLAYBOOKS:
                    one = figures.roll(cluster, playbook, inventory, *flags)
                    print(f"{playbook}, {link}: {one}")
                    found.setdefault((link, playbook), []).append(one)
    return found


@pytest.mark.parametrize("playbook", PLAYBOOKS)
@pytest.mark.parametrize("link", OVER_SSH)
def test_a_server_is_out_no_longer_than_on_loopback(rolls: Rolls, link: str, playbook: str) -> None:
    """Twice as long as a start on loopback is allowed instead on a machine on which that is more."""
    here, there = rolls[LOOPBACK, playbook], rolls[link, playbook]
    start_s = min(row["start"] for one in here for row in one.phases.values())
    limit_s = max(WITHIN_S, 2 * start_s)
    for times in (Figures.out, lambda one: list(one.seen.values())):
        least_here, least_there = (min(seconds for one in of for seconds in times(one)) for of in (here, there))
        print(f"{playbook}, {link}: {least_there:.2f} s, on loopback {least_here:.2f} s, limit {limit_s:.2f} s more")
        assert 0 < least_there <= least_here + limit_s


@pytest.mark.parametrize("link", LINKS)
def test_a_roll_has_few_tasks_and_each_server_is_in_its_table(rolls: Rolls, link: str) -> None:
    for playbook in PLAYBOOKS:
        for one in rolls[link, playbook]:
            assert one.tasks <= MOST_TASKS and len(one.phases) == 3, one
