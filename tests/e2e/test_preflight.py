# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stops a roll in the plan, before any server is touched: one cluster, made sick in one way after another.

More of it is in test_plan_stops.py (a server down, too old, missing in the group; another controller's hold) and in
test_preflight_tokens.py. docs/gates.md lists all gates with their tests.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from support.cluster.cluster import Cluster
from support.cluster.server import Server
from support.paths import CHECKOUT
from support.rolls import adhoc, playbooks
from support.rolls.untouched import picture, refused
from support.stores.builder import nomad_store

AUTOPILOT = "/v1/operator/autopilot/configuration"


@pytest.fixture(scope="module")
def cluster(make_cluster: Any) -> Cluster:
    return make_cluster()


@contextlib.contextmanager
def configured(server: Server, name: str, text: str) -> Iterator[None]:
    """With one more configuration file that the running agent has not read."""
    path = server.config_dir / name
    path.write_text(text)
    yield
    path.unlink()


def test_a_host_without_a_python_is_named(cluster: Cluster) -> None:
    said = refused(cluster, hosts={"s2": {"ansible_python_interpreter": "/nowhere/python3"}})
    assert "s2 has no Python 3.8 or newer that this Ansible can use (/nowhere/python3)" in said
    assert "s1 has no Python" not in said and "s3 has no Python" not in said
    assert "Install one and name it with ansible_python_interpreter" in said


def test_a_configuration_that_nomad_would_not_start_with(cluster: Cluster) -> None:
    typo = 'server {\n  raft_logstore {\n    backned = "wal"\n  }\n}\n'
    with configured(cluster.servers[1], "zz.hcl", typo):
        assert "s2/config/zz.hcl:3:5: " in refused(cluster)


def test_a_server_that_would_start_with_an_empty_store(cluster: Cluster) -> None:
    """As the Nomad command leaves it, and then a configuration run has put boltdb back."""
    server = cluster.followers()[0]  # its process keeps the file open, and does not notice
    raft_dir = server.raft_dir
    nomad_store("wal-follower", cluster.root / "other")
    os.rename(raft_dir / "raft.db", raft_dir / "raft.db.migrated.20261122-104750")
    shutil.copytree(cluster.root / "other/server/raft/wal", raft_dir / "wal")
    said = refused(cluster)
    assert f"{server.name}: the store is wal/, there is no raft.db" in said
    assert "Do not start or restart it." in said
    shutil.rmtree(raft_dir / "wal")
    os.rename(raft_dir / "raft.db.migrated.20261122-104750", raft_dir / "raft.db")


def test_a_store_that_would_be_refused_and_a_server_that_would_leave_are_told_together(cluster: Cluster) -> None:
    """The store is refused for want of a directory for the copy; want of space or rights would show in the same way."""
    with configured(cluster.servers[2], "zz.hcl", "leave_on_interrupt = true\n"):
        said = refused(cluster, hosts={"s2": {"raft_logstore_backup_dir": "/dev/null"}})
    assert "s2: its store cannot be brought to wal: /dev/null: " in said
    assert "s3: it would leave the cluster at its stop: leave_on_interrupt is true" in said


def test_a_cluster_that_can_lose_fewer_servers_than_asked(cluster: Cluster) -> None:
    said = refused(cluster, raft_logstore_min_failure_tolerance=2)
    assert "The failure tolerance of the cluster is 1, not 2 or more" in said


def test_a_cluster_whose_leader_calls_a_server_unhealthy(cluster: Cluster) -> None:
    settings = cluster.servers[0].api("GET", AUTOPILOT).body
    change = {**settings, "LastContactThreshold": "1ns"}
    assert cluster.servers[0].api("PUT", AUTOPILOT, body=change).status == 200
    try:
        said = refused(cluster, "--check")
    finally:
        assert cluster.servers[0].api("PUT", AUTOPILOT, body=settings).status == 200
    assert "Not healthy: the leader does not call" in said
    cluster.wait_healthy(60)


def test_an_agent_that_neither_answers_nor_is_known_to_be_stopped(cluster: Cluster) -> None:
    server = cluster.followers()[0]
    pid = server.pid()
    assert pid is not None
    inventory = playbooks.write_inventory(cluster, raft_logstore_timeout=1)
    before = {one.name: adhoc.listing(one.config_dir) for one in cluster.servers}
    os.kill(pid, signal.SIGSTOP)
    try:
        run = playbooks.run("migrate", inventory)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert run.returncode != 0, run.stdout
    said = " ".join(run.stdout.split())
    assert f"{server.name}: its agent does not answer, and is not known to be stopped" in said
    assert before == {one.name: adhoc.listing(one.config_dir) for one in cluster.servers}
    assert "PLAY [Roll through the servers]" not in run.stdout
    cluster.wait_healthy(60)


@pytest.mark.long
def test_a_second_run_of_the_same_controller_is_kept_out_until_the_first_has_ended(cluster: Cluster) -> None:
    """The first waits at its question, and is then killed with SIGKILL. The second one's inventory is its own."""
    program, *arguments = playbooks.command(
        "migrate", playbooks.write_inventory(cluster), "-e", "raft_logstore_force=no"
    )
    first = pexpect.spawn(
        program, arguments, env=playbooks.environment(), cwd=CHECKOUT, encoding="utf-8", timeout=120,
        dimensions=(50, 200),
    )  # fmt: skip
    first.expect_exact("Only 'yes' is accepted, within 120 seconds:")
    said = refused(cluster)
    assert f"Process {first.pid} of" in said
    assert "on this controller has been rolling these servers since" in said

    workers = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
    os.kill(first.pid, signal.SIGKILL)
    first.close(force=True)
    for worker in workers:  # it would wait at the question for ever
        os.kill(int(worker), signal.SIGKILL)
    before = picture(cluster)
    third = playbooks.run("migrate", playbooks.write_inventory(cluster), "-e", "raft_logstore_force=no")
    assert "There is no terminal to ask at" in " ".join(third.stdout.split()), third.stdout
    assert picture(cluster) == before
