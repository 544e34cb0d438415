# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every gate from the stop of a server onwards, each with a fault: the roll has to end before the next one is touched.

Each test can also be run alone: conftest.py brings the cluster to where each begins.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from support.cluster.cluster import Cluster
from support.cluster.proxy import Call, Reply, proxies
from support.rolls.gates import assert_finishes, failing, sick, stopped

AUTOPILOT = "/v1/operator/autopilot/configuration"


@pytest.mark.long
def test_the_agent_goes_on_after_its_stop(cluster: Cluster) -> None:
    """A stop command that succeeds and does nothing: nothing is converted, and nothing is started beside the agent."""
    started = cluster.root / "started"
    deaf = {"raft_logstore_stop_command": "/bin/true", "raft_logstore_start_command": f"touch {started}"}
    hosts = {server.name: deaf for server in cluster.servers}
    said = stopped(cluster, 0, hosts, raft_logstore_rollback_on_failure=True)
    assert ": Stopping its agent: " in said
    assert "in use by PID" in said
    assert "It is back in the cluster as it was." in said
    assert not started.exists()


@pytest.mark.long
def test_writes_do_not_come_through(cluster: Cluster) -> None:
    """Everybody is healthy, and yet a write fails at a server that was started: here the write that changes nothing.

    The same command does not go on to the next server while that is so.
    """
    before = {server.name: server.pid() for server in cluster.servers}

    def refuse(call: Call, pass_on: Callable[[], Reply]) -> Reply:
        changed = call.server.pid() != before[call.server.name]
        if changed and call.method == "PUT" and call.path.startswith(AUTOPILOT):
            now = call.server.api("GET", AUTOPILOT).body
            if now["CleanupDeadServers"] == json.loads(call.body)["CleanupDeadServers"]:
                return Reply(500, {"Content-Type": "text/plain"}, b"rpc error: failed to apply")
        return pass_on()

    with proxies(cluster, refuse) as through:
        said = stopped(cluster, 1, through)
        again = stopped(cluster, 0, through)
    assert "This server applies what is written now: " in said
    assert "write path is not proven" in said
    assert "Every other server applies what is written now: " in again


@pytest.mark.long
def test_an_operators_task_after_a_server_fails(cluster: Cluster) -> None:
    enough = failing(cluster, "Enough for today.")
    assert "Enough for today." in stopped(cluster, 1, raft_logstore_post_tasks_file=enough)


@pytest.mark.long
def test_the_log_of_a_started_agent_has_an_error_about_its_store(cluster: Cluster) -> None:
    said = stopped(cluster, 1, sick(cluster, "complains"))
    assert ": Checking its log: The agent's log has " in said
    assert "segment is sealed" in said


@pytest.mark.long
def test_a_server_is_back_but_does_not_stay(cluster: Cluster) -> None:
    said = stopped(cluster, 1, sick(cluster, "leaves"), raft_logstore_stable_for=10, raft_logstore_wait_timeout=15)
    assert ": Waiting until it is back: not back after " in said


@pytest.mark.long
def test_then_the_same_command_finishes(cluster: Cluster) -> None:
    assert_finishes(cluster)
