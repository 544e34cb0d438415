# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rehearse where nothing can be cloned: one follower is stopped once for a copy, or none is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal.scratch import SCRATCH
from support.cluster.cluster import Cluster
from support.cluster.server import Server
from support.cluster.witness import witnessed
from support.filesystems import Kind, disk_of
from support.rolls import leftbehind, playbooks
from support.rolls.stops import is_untouched, pids

EXT4 = Kind("ext4", 3 << 30, ("mkfs.ext4", "-q", "-F"), "loop")
LINE = r"^{}: +boltdb -> wal \d+\.\d s \(\d+\.\d MB/s\), back \d+\.\d s; \d+ entries, all equal\.$"
STOP = ("-e", "raft_logstore_rehearse_stop=true")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three servers on ext4."""
    with ExitStack() as stack:
        top = stack.enter_context(disk_of(EXT4, tmp_path_factory.mktemp("ext4"))).top
        cluster = Cluster(top / "c")
        stack.callback(cluster.stop_all)
        cluster.start()
        cluster.wait_healthy(60)
        yield cluster


def nothing_is_left(cluster: Cluster) -> bool:
    """No scratch directory, no copy, no hold, and every configuration as it was."""
    beside = {path.name for server in cluster.servers for path in Path(server.data_dir, "server").iterdir()}
    held = any(map(leftbehind.is_unfinished, cluster.servers))
    return SCRATCH not in beside and not held and all(map(is_untouched, cluster.servers))


def noting(server: Server, stops: Path) -> dict[str, str]:
    """Variables of its host with which each stop of this server is noted in a file."""
    stop = playbooks.command_of(server, "stop")
    return {"raft_logstore_stop_command": f"/bin/sh -c 'echo {server.name} >> {stops}; {stop}'"}


def changed(cluster: Cluster, before: dict[str, int | None]) -> list[str]:
    """The servers that have another process than before."""
    return [name for name, pid in pids(cluster).items() if pid != before[name]]


def test_no_server_is_stopped_where_a_gate_is_closed(cluster: Cluster) -> None:
    before, inventory = pids(cluster), playbooks.write_inventory(cluster)
    told = playbooks.run("rehearse", inventory, *STOP, "-e", "raft_logstore_min_failure_tolerance=2")
    said = " ".join(told.stdout.split())
    assert told.returncode != 0 and "failure tolerance of the cluster is 1, not 2 or more" in said, told.stdout
    assert pids(cluster) == before and nothing_is_left(cluster)
    assert leftbehind.observe(cluster).cleanup is True


@pytest.mark.long
def test_one_follower_is_stopped_once_and_its_copy_rehearsed(cluster: Cluster) -> None:
    before, was, leader = leftbehind.observe(cluster), pids(cluster), cluster.leader()
    stops = cluster.root / "stops"
    inventory = playbooks.write_inventory(cluster, {one.name: noting(one, stops) for one in cluster.servers})
    with witnessed(cluster):
        done = playbooks.run("rehearse", inventory, *STOP)
        assert done.returncode == 0, done.stdout
        cluster.wait_healthy(60)
    (stopped,) = stops.read_text().split()
    assert leader is not None and stopped != leader.name and changed(cluster, was) == [stopped]
    assert re.search(LINE.format(stopped), done.stdout, re.M), done.stdout
    assert f"{stopped} was out of the cluster for the rehearsal, and is back as it was." in done.stdout, done.stdout
    after = leftbehind.observe(cluster)
    assert (after.voters, after.cleanup, after.backends) == (before.voters, before.cleanup, before.backends)
    assert nothing_is_left(cluster)


@pytest.mark.long
def test_a_server_that_was_left_down_is_brought_back_by_the_next_run(cluster: Cluster) -> None:
    """Its start fails, and on the way back as well. No other server is stopped then."""
    before, was = leftbehind.observe(cluster), pids(cluster)
    hosts = {one.name: {"raft_logstore_start_command": "/bin/true"} for one in cluster.servers}
    broken = playbooks.run("rehearse", playbooks.write_inventory(cluster, hosts, raft_logstore_wait_timeout=8), *STOP)
    assert broken.returncode != 0, broken.stdout
    (down,) = changed(cluster, was)
    assert pids(cluster)[down] is None and "No server after it was touched." in " ".join(broken.stdout.split())

    again = playbooks.run("rehearse", playbooks.write_inventory(cluster), *STOP)
    assert again.returncode == 0, again.stdout
    assert changed(cluster, was) == [down] and pids(cluster)[down] is not None
    assert re.search(LINE.format(down), again.stdout, re.M), "nobody had its store open"
    cluster.wait_healthy(60)
    after = leftbehind.observe(cluster)
    assert (after.voters, after.cleanup, after.backends) == (before.voters, before.cleanup, before.backends)
    assert nothing_is_left(cluster)
