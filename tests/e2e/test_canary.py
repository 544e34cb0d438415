# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that takes one server only, proves that all are in order half way, and ends well. The next one goes on."""

from __future__ import annotations

from typing import Any

import pytest
from support.cluster.witness import witnessed
from support.rolls import leftbehind, playbooks
from support.rolls.stops import pids


@pytest.mark.long
def test_a_canary_ends_well_and_the_next_run_goes_on(make_cluster: Any) -> None:
    """One is done already, so that there are two to go on with: a follower, and the leader."""
    cluster = make_cluster(backends=("boltdb", "boltdb", "wal"))
    canary, leader, _done = cluster.servers
    cluster.lead_by(leader)
    cluster.wait_healthy()
    before, untouched = leftbehind.observe(cluster), pids(cluster)[leader.name]
    inventory = playbooks.write_inventory(cluster)
    with witnessed(cluster):
        first = playbooks.run("migrate", inventory, "-e", "raft_logstore_stop_after=1 raft_logstore_stable_for=8")
        assert first.returncode == 0, first.stdout
        half = leftbehind.observe(cluster)
        said = " ".join(first.stdout.split())
        assert "2 of 3 on wal. Run this again to go on; without" in said, first.stdout
        told = [line for line in first.stdout.splitlines() if line.startswith(f"{canary.name}: ")]
        assert sum("is taken out now. Its host finishes this by itself" in line for line in told) == 1, first.stdout
        assert any("waits until it is back: " in line and "it is, and has to stay so for " in line for line in told), (
            first.stdout
        )
        assert half.backends == {**before.backends, canary.name: "wal"}
        assert (half.voters, half.cleanup) == (before.voters, before.cleanup)
        assert pids(cluster)[leader.name] == untouched and not any(map(leftbehind.is_unfinished, cluster.servers))

        second = playbooks.run("migrate", inventory)
        assert second.returncode == 0, second.stdout
        assert "Done: 3 of 3 on wal." in second.stdout, second.stdout
    assert set(leftbehind.observe(cluster).backends.values()) == {"wal"}
