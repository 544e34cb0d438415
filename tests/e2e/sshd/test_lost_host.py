# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to a server is lost in the middle of a roll, over real ssh. The same command puts it right.

One cluster, one story: each run is cut at another moment, and the next begins with the server that was cut off, unless
that has come to its end by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.cluster.cluster import Cluster
from support.cluster.server import Server
from support.cluster.witness import witnessed
from support.rolls import backend, leftbehind, playbooks
from support.rolls.overssh import hosts_of, takes_out
from support.rolls.sshd import AFTER, BEFORE, DURING, Trap

pytestmark = pytest.mark.long

UNREACHABLE = 4  # ansible-playbook's exit code
CUTS = (BEFORE, DURING, AFTER)


class Story:
    """What was seen: after each cut the output, who was lost and who was touched; the backends then; the last run."""

    def __init__(self) -> None:
        self.cut: dict[str, Any] = {}
        self.lost: dict[str, str] = {}
        self.touched: dict[str, set[str]] = {}
        self.backends: dict[str, str] = {}
        self.last: Any = None


def looks(server: Server) -> tuple[int | None, bool, str]:
    text = "".join(path.read_text() for path in sorted(server.config_dir.iterdir()))
    return server.pid(), leftbehind.is_guarded(server), text


@pytest.fixture(scope="module")
def cluster(make_cluster: Any) -> Cluster:
    return make_cluster()


@pytest.fixture(scope="module")
def story(cluster: Cluster) -> Iterator[Story]:
    told = Story()
    named = {server.name: server for server in cluster.servers}
    with witnessed(cluster), hosts_of(cluster) as (hosts, inventory):
        for when in CUTS:
            trap = hosts.trap = Trap(when, takes_out)
            before = {name: looks(server) for name, server in named.items()}
            told.cut[when] = playbooks.run("migrate", inventory)
            lost = told.lost[when] = trap.sprung
            if lost:
                hosts.ended(lost)
                backend.wait_over(named[lost])
            told.backends[when] = backend.running(named[lost]) if lost else ""
            told.touched[when] = {name for name, server in named.items() if looks(server) != before[name]}
            hosts.up()
        told.last = playbooks.run("migrate", inventory)
        yield told


@pytest.mark.parametrize("when", CUTS)
def test_the_roll_stops_and_no_other_server_is_touched(story: Story, when: str) -> None:
    assert story.lost[when], story.cut[when].stdout
    assert story.cut[when].returncode == UNREACHABLE, story.cut[when].stdout
    assert story.touched[when] <= {story.lost[when]}, story.cut[when].stdout


@pytest.mark.parametrize(("when", "runs_on"), [(BEFORE, "boltdb"), (DURING, "wal"), (AFTER, "wal")])
def test_a_server_that_has_begun_comes_to_its_end_by_itself(story: Story, when: str, runs_on: str) -> None:
    assert story.backends[when] == runs_on, story.cut[when].stdout


def test_the_next_run_begins_with_the_server_to_which_nothing_was_done(story: Story) -> None:
    assert story.lost[DURING] == story.lost[BEFORE], story.cut[DURING].stdout


def test_in_the_end_the_same_command_finishes(story: Story, cluster: Cluster) -> None:
    assert story.last.returncode == 0, story.last.stdout
    after = leftbehind.observe(cluster)
    assert set(after.backends.values()) == {"wal"} and after.cleanup is True
    assert len(after.voters) == len(cluster.servers)
    assert all(map(leftbehind.is_guarded, cluster.servers))
    assert not any(leftbehind.is_unfinished(server) for server in cluster.servers)
