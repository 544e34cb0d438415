# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A roll over real ssh is cut off when a server has been out, and run again. All the cuts are in test_lost_host.py."""

from __future__ import annotations

from typing import Any

from support.cluster.witness import witnessed
from support.rolls import backend, leftbehind, playbooks
from support.rolls.overssh import hosts_of, takes_out
from support.rolls.sshd import AFTER, Trap

UNREACHABLE = 4  # ansible-playbook's exit code


def test_a_roll_that_never_hears_of_a_servers_return_is_finished_by_the_next_run(make_cluster: Any) -> None:
    """Two are still to do: the one that is cut off, which comes back by itself, and the leader."""
    cluster = make_cluster(backends=("boltdb", "boltdb", "wal"))
    first, leader, _done = cluster.servers
    cluster.lead_by(leader)
    cluster.wait_healthy()
    before, pids = leftbehind.observe(cluster), [server.pid() for server in cluster.servers]
    with witnessed(cluster), hosts_of(cluster) as (hosts, inventory):
        hosts.trap = Trap(AFTER, takes_out)
        cut = playbooks.run("migrate", inventory)
        assert hosts.trap.sprung == first.name and cut.returncode == UNREACHABLE, cut.stdout
        assert [server.pid() for server in cluster.servers][1:] == pids[1:]
        backend.wait_over(first)
        assert backend.running(first) == "wal" and leftbehind.is_guarded(first)
        hosts.up()
        again = playbooks.run("migrate", inventory)
        assert again.returncode == 0, again.stdout
    after = leftbehind.observe(cluster)
    assert set(after.backends.values()) == {"wal"} and all(map(leftbehind.is_guarded, [first, leader]))
    assert (after.voters, after.cleanup) == (before.voters, before.cleanup)
    assert not any(map(leftbehind.is_unfinished, cluster.servers))
