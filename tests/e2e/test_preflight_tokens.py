# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A token that may not do what a roll does is refused in the plan, with the right that it lacks."""

from __future__ import annotations

from typing import Any

import pytest
from support.cluster.cluster import Cluster
from support.rolls.untouched import refused, token

WEAK = {
    "no snapshots and no hold": (
        'agent { policy = "read" }\noperator { policy = "read" }\n',
        "operator:write to keep autopilot from removing a stopped server, and to save snapshots"
        " /v1/operator/autopilot/configuration",
    ),
    "not even a look at the agent": (
        'operator { policy = "write" }\n',
        "agent:read to ask each server whether it is well /v1/agent/self",
    ),
}


@pytest.fixture(scope="module")
def cluster(make_cluster: Any) -> Cluster:
    return make_cluster(acl=True)


@pytest.mark.parametrize("which", WEAK)
def test_a_token_that_is_too_weak_is_refused_with_what_it_lacks(cluster: Cluster, which: str) -> None:
    rules, lacks = WEAK[which]
    weak = token(cluster, which.split()[-1], rules)
    said = refused(cluster, raft_logstore_token=weak)
    assert f"The token lacks {lacks} on s1; " in said
    assert weak not in said
