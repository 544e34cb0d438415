# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`--check --diff` on a cluster that nobody has touched: the whole plan, all gates, and not a byte changed.

With ACLs and a token that may do everything but move leadership, so that its rights are asked for, too; and with a
hold of another controller, which is taken over, to see that a hold in force is not released.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest
from support.cluster.cluster import Cluster
from support.rolls import playbooks
from support.rolls.untouched import Picture, picture, token

LEAST = 'agent { policy = "read" }\noperator { policy = "write" }\n'
# As they come from the command line and from an INI inventory.
AS_TEXT = (
    "take_over=true allow_outage=false min_failure_tolerance=1 hold_autopilot=true pause_between=1 wal_segment_size=64"
)
HOLD = '{"version": 1, "origin": "elsewhere", "previous": true, "created": "2026-11-22T13:20:35Z"}\n'
GATES = (
    "No other run here rolls these servers",
    "The cluster is healthy",
    "The cluster can do without this server",
)


class Story(NamedTuple):
    """What the run said, and the cluster before and after it."""

    cluster: Cluster
    before: Picture
    output: str
    returncode: int
    after: Picture


@pytest.fixture(scope="module")
def story(make_cluster: Any) -> Story:
    cluster = make_cluster(acl=True)
    (cluster.servers[1].raft_dir / ".raft-hold.json").write_text(HOLD)
    inventory = playbooks.write_inventory(cluster, raft_logstore_token=token(cluster, "least", LEAST))
    before = picture(cluster)
    given = [f"-eraft_logstore_{one}" for one in AS_TEXT.split()]
    run = playbooks.run("migrate", inventory, "--check", "--diff", "-v", *given)
    return Story(cluster, before, run.stdout, run.returncode, picture(cluster))


def test_nothing_is_changed_not_even_autopilot(story: Story) -> None:
    assert story.after.autopilot == story.before.autopilot
    assert story.after == story.before
    assert (story.cluster.servers[1].raft_dir / ".raft-hold.json").read_text() == HOLD


def test_the_plan_has_a_line_for_each_server_and_the_leader_is_last(story: Story) -> None:
    lines = [re.sub(r"^\s*(- )?", "", line).split() for line in story.output.splitlines()]
    start = lines.index(["order", "server", "role", "backend", "disk", "action", "index", "size"])
    rows = lines[start + 1 : start + 4]
    leader = story.before.leader
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert sorted(row[1] for row in rows) == ["s1", "s2", "s3"] and rows[-1][1] == leader
    for row in rows:
        server = next(one for one in story.cluster.servers if one.name == row[1])
        role = "leader" if server.name == leader else "follower"
        state = "boltdb,hold" if server.name == "s2" else "boltdb"
        assert row[2:6] == [role, "boltdb", state, "migrate"]
        assert int(row[6]) > 0
    words = " ".join(story.output.split())
    assert f"the token may not move leadership (management). {leader} leads and is stopped last" in words


def test_the_change_of_every_configuration_is_shown(story: Story) -> None:
    assert story.returncode == 0, story.output
    for server in story.cluster.servers:
        (shown,) = re.findall(rf"^\+\+\+ after: {server.config_dir}/\S+\n(?:.*\n)*?\n", story.output, re.MULTILINE)
        assert 'backend = "wal"' in shown, shown
        assert f"{server.name}: would stop the agent" in story.output


@pytest.mark.parametrize("gate", GATES)
def test_every_gate_was_evaluated(story: Story, gate: str) -> None:
    assert gate in story.output


def test_it_was_asked_how_many_servers_the_cluster_can_lose(story: Story) -> None:
    assert re.search(r"\btolerance\W+1\b", story.output)
