# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every gate before a server is stopped, each with a fault: the roll has to end, and the server runs on.

Each test can also be run alone: conftest.py brings the cluster to where each begins.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.modules import snapshot_save
from support.cluster.cluster import Cluster
from support.cluster.proxy import Call, Reply, proxies
from support.cluster.server import Server
from support.rolls import leftbehind
from support.rolls.gates import assert_finishes, failing, state, stopped, tasks_file
from support.run_module import run

SNAPSHOT = "/v1/operator/snapshot"
AUTOPILOT = "/v1/operator/autopilot/configuration"


def test_an_operators_task_before_a_server_fails(cluster: Cluster) -> None:
    assert "Not tonight." in stopped(cluster, 0, raft_logstore_pre_tasks_file=failing(cluster, "Not tonight."))


def test_another_server_has_stopped_since_the_plan(cluster: Cluster) -> None:
    """The leader does not know yet: for some 40 s it goes on calling an idle stopped server healthy."""
    follower = "selectattr('__raft_logstore_look.server.role', 'equalto', 'follower') | last"
    peers = "__raft_logstore_begun.turn.peers | map('extract', hostvars)"
    command = f"{{{{ ({peers} | {follower}).raft_logstore_stop_command }}}}"
    stop = tasks_file(cluster, "stop", [{"name": "Another one ends", "ansible.builtin.command": {"cmd": command}}])
    before = state(cluster)
    said = stopped(cluster, 1, raft_logstore_pre_tasks_file=stop)
    assert "Every other server itself says that it serves: " in said
    assert "connection refused" in said.lower()
    changed = [name for name, seen in state(cluster).items() if seen != before[name]]
    assert [server.name for server in cluster.servers if not server.is_running()] == changed


@pytest.mark.long
def test_another_server_stops_just_before_the_stop(cluster: Cluster) -> None:
    """While the snapshots are saved, long after all were asked: they are asked again before anything is stopped."""
    gone: list[Server] = []

    def stop_another(call: Call, pass_on: Callable[[], Reply]) -> Reply:
        if call.path.startswith(SNAPSHOT) and not gone:
            gone.append(next(server for server in cluster.followers() if server is not call.server))
            gone[0].stop()
        return pass_on()

    with proxies(cluster, stop_another) as through:
        said = stopped(cluster, 1, through)
    assert "Every other server applies what is written now: " in said
    assert [server for server in cluster.servers if not server.is_running()] == gone


def test_another_server_stores_nothing_any_more(cluster: Cluster) -> None:
    """It serves, and is healthy to its leader, for as long as it is less than 250 entries behind."""
    frozen: dict[str, Reply] = {}
    saved: list[Server] = []

    def stand_still(call: Call, pass_on: Callable[[], Reply]) -> Reply:
        if call.path.startswith(SNAPSHOT):
            saved.append(call.server)
        if saved and call.server is not saved[0] and call.path.startswith("/v1/agent/self"):
            return frozen.setdefault(call.server.name, pass_on())
        return pass_on()

    with proxies(cluster, stand_still) as through:
        said = stopped(cluster, 0, through)
    assert "Every other server applies what is written now: " in said
    assert "write path is not proven" in said


def damaged(call: Call, pass_on: Callable[[], Reply]) -> Reply:
    """A snapshot with one byte changed on the way."""
    reply = pass_on()
    if not call.path.startswith(SNAPSHOT) or reply.status != 200:
        return reply
    middle = len(reply.body) // 2
    return reply._replace(body=reply.body[:middle] + bytes([reply.body[middle] ^ 1]) + reply.body[middle + 1 :])


def damaged_at_the_source(call: Call, pass_on: Callable[[], Reply]) -> Reply:
    """The same, with the digest of what is sent."""
    reply = damaged(call, pass_on)
    if not call.path.startswith(SNAPSHOT) or reply.status != 200:
        return reply
    digest = base64.b64encode(hashlib.sha256(reply.body).digest()).decode()
    return reply._replace(headers={**reply.headers, "Digest": f"sha-256={digest}"})


@pytest.mark.long
def test_a_snapshot_is_damaged(cluster: Cluster) -> None:
    with proxies(cluster, damaged) as through:
        assert "digest does not match" in stopped(cluster, 0, through)


def test_a_snapshot_that_is_damaged_at_its_source_is_no_snapshot(cluster: Cluster, tmp_path: Path) -> None:
    """The digest fits. For the roll that is the same failure, so here the module is asked alone."""
    with proxies(cluster, damaged_at_the_source) as through:
        at = through[cluster.servers[0].name]
        saved = run(snapshot_save, host=at["raft_logstore_host"], port=at["raft_logstore_port"], dest=str(tmp_path))
    assert "the snapshot is not sound" in saved["msg"]
    assert not list(tmp_path.iterdir())


def is_hold(call: Call) -> bool:
    """Whether it switches the removal of dead servers off."""
    return call.method == "PUT" and call.path.startswith(AUTOPILOT) and not json.loads(call.body)["CleanupDeadServers"]


@pytest.mark.long
def test_another_controller_begins_at_the_same_moment(cluster: Cluster) -> None:
    """Both have planned, and both hold; only one of them changes the setting, the other one stops nothing."""

    def come_first(call: Call, pass_on: Callable[[], Reply]) -> Reply:
        if is_hold(call):
            hold_off(call.server, False)
        return pass_on()

    def hold_off(server: Server, cleanup: bool) -> None:
        server.api("PUT", AUTOPILOT, {**server.api("GET", AUTOPILOT).body, "CleanupDeadServers": cleanup})

    try:
        with proxies(cluster, come_first) as through:
            said = stopped(cluster, 0, through)
    finally:
        hold_off(cluster.servers[0], True)
    assert "cleanup_dead_servers is False and was True before: somebody else has changed it" in said
    assert not any(list(server.raft_dir.glob(".raft-hold*")) for server in cluster.servers)


def test_autopilots_setting_cannot_be_held(cluster: Cluster) -> None:
    """Somebody else changes it all the time: each compare-and-set comes too late."""

    def refuse(call: Call, pass_on: Callable[[], Reply]) -> Reply:
        if is_hold(call):
            return Reply(200, {"Content-Type": "application/json"}, b"false")
        return pass_on()

    with proxies(cluster, refuse) as through:
        said = stopped(cluster, 0, through)
    assert "Keep the leader from removing this server: " in said
    assert "somebody else keeps changing the autopilot configuration" in said
    assert "This server was not stopped." in said


def lead_again(old: Server) -> None:
    identity = old.api("GET", "/v1/agent/self").body["member"]["Tags"]["id"]
    old.try_api("PUT", f"/v1/operator/raft/transfer-leadership?id={identity}")


@contextlib.contextmanager
def stubborn(cluster: Cluster, old: Server) -> Iterator[None]:
    """While the body runs, leadership goes back to this server whenever another one has it."""
    over = threading.Event()

    def insist() -> None:
        while not over.wait(0.1):
            if cluster.leader() not in (None, old):
                lead_again(old)

    thread = threading.Thread(target=insist, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)


@pytest.mark.long
def test_leadership_does_not_stay_away(cluster: Cluster, leader_is_next: Server) -> None:
    old = leader_is_next
    pid = old.pid()
    with stubborn(cluster, old):
        said = stopped(cluster, 0)
    assert "leadership was given to" in said and "but it is not proven" in said
    assert old.pid() == pid and not leftbehind.is_guarded(old)


@pytest.mark.long
def test_leadership_comes_back_just_before_the_stop(cluster: Cluster, leader_is_next: Server) -> None:
    old = leader_is_next
    pid = old.pid()

    def come_back(call: Call, pass_on: Callable[[], Reply]) -> Reply:
        if call.server is old and call.path.startswith(SNAPSHOT):
            lead_again(old)
        return pass_on()

    with proxies(cluster, come_back) as through:
        said = stopped(cluster, 0, through)
    assert "leadership must be moved away before it is stopped" in said
    assert old.pid() == pid and not leftbehind.is_guarded(old)


@pytest.mark.long
def test_then_the_same_command_finishes(cluster: Cluster) -> None:
    assert_finishes(cluster)
