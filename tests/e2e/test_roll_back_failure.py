# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that does not come back on the new backend returns to the old one with all it has acknowledged since.

The others are well, and somebody writes all the time. The play fails, no further server is touched, and when the cause
is gone the same command completes. What is done depends on what is true of the server: while another server is gone it
is left alone, and a return that fails says so and leaves the server stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.cluster import start_faulty
from support.cluster.cluster import Cluster, wait_until
from support.cluster.server import Server
from support.cluster.writer import Writer
from support.rolls import leftbehind, playbooks
from support.stores.judge import digest_of_copy

OTHER = {"wal": "boltdb", "boltdb": "wal"}
PLAYBOOK = {"wal": "migrate", "boltdb": "rollback"}
STORE = {"wal": "wal", "boltdb": "raft.db"}
START_FAULTY = Path(start_faulty.__file__)
WAIT_S = 20


class Failed(NamedTuple):
    """A roll to `backend` at whose first server something failed: what was said, on one line, and who runs as what."""

    backend: str
    cluster: Cluster
    server: Server
    others: list[Server]
    said: str
    before: dict[str, int | None]
    after: dict[str, int | None]


def pids(cluster: Cluster) -> dict[str, int | None]:
    return {server.name: server.pid() for server in cluster.servers}


@pytest.fixture
def make(make_cluster: Any) -> Iterator[Any]:
    """make(backend) -> a cluster on the other backend, and a writer that has begun."""
    writers: list[Writer] = []

    def made(backend: str) -> tuple[Cluster, Writer]:
        cluster = make_cluster(backend=OTHER[backend])
        writers.append(Writer([(server.address, server.http_port) for server in cluster.servers]).start())
        return cluster, writers[-1]

    yield made
    for writer in writers:
        writer.stop()


def roll(cluster: Cluster, backend: str, fault: str, server: Server | None = None, **variables: Any) -> Failed:
    """Roll the cluster, with a first server that fails on `backend`; `variables` are those of this server alone."""
    leader = wait_until("a leader", cluster.leader, 30)
    first = server or cluster.followers()[0]
    (second,) = [server for server in cluster.servers if server not in (leader, first)]
    spread = [str(second.root)] if fault == "spread" else []
    start = [sys.executable, str(START_FAULTY), fault, backend, str(first.root), *spread]
    stop = [sys.executable, str(playbooks.SERVERCTL), "kill" if fault == "hang" else "stop", str(first.root)]
    commands = {"raft_logstore_start_command": " ".join(start), "raft_logstore_stop_command": " ".join(stop)}
    before = pids(cluster)
    inventory = playbooks.write_inventory(
        cluster, hosts={first.name: {**commands, **variables}}, raft_logstore_wait_timeout=WAIT_S
    )
    run = playbooks.run(PLAYBOOK[backend], inventory)
    print(run.stdout)
    assert run.returncode == 2, "the roll must fail"
    said = " ".join(run.stdout.split())
    return Failed(backend, cluster, first, [second, leader], said, before, pids(cluster))


def assert_roll_completes(failed: Failed, writer: Writer) -> None:
    """The same command without the fault; nothing that was acknowledged at any time is lost."""
    cluster = failed.cluster
    voters = frozenset(cluster.running()[0].api("GET", "/v1/operator/autopilot/health").body["Voters"])
    run = playbooks.run(PLAYBOOK[failed.backend], playbooks.write_inventory(cluster))
    assert run.returncode == 0, run.stdout
    writer.stop()
    after = leftbehind.observe(cluster)
    assert set(after.backends.values()) == {failed.backend}
    assert (after.voters, after.cleanup) == (voters, True)
    assert len(writer.acknowledged) > 100 and writer.lost() == []


@pytest.mark.parametrize(
    ("backend", "fault"),
    [
        ("wal", "crash"),
        pytest.param("wal", "hang", marks=pytest.mark.long),
        pytest.param("boltdb", "crash", marks=pytest.mark.long),
    ],
)
def test_a_server_that_fails_on_the_new_backend_returns_to_the_old_one(
    backend: str, fault: str, make: Any, tmp_path: Path
) -> None:
    cluster, writer = make(backend)
    voters = leftbehind.observe(cluster).voters
    failed = roll(cluster, backend, fault)
    assert f"{failed.server.name}: Waiting until it is back: not back after " in failed.said
    assert f"converted back to {OTHER[backend]}" in failed.said and "No server after it was touched" in failed.said

    observed = leftbehind.observe(cluster)
    assert set(observed.backends.values()) == {OTHER[backend]}
    assert (observed.voters, observed.cleanup) == (voters, True)
    assert not [path for server in cluster.servers for path in server.raft_dir.glob(".raft-hold*")]
    for other in failed.others:
        assert failed.after[other.name] == failed.before[other.name], f"{other.name} was restarted"
        assert not list(other.raft_dir.glob("*.migrated.*"))
    assert failed.after[failed.server.name] not in (None, failed.before[failed.server.name])

    failed.server.kill()
    (left,) = failed.server.raft_dir.glob(f"{STORE[backend]}.migrated.*")
    on_new = digest_of_copy(left)
    old_store = failed.server.raft_dir / STORE[OTHER[backend]]
    kept = digest_of_copy(old_store, "-from", on_new.first_index, "-to", on_new.last_index)
    assert kept.digest == on_new.digest, "an entry that it acknowledged on the new backend"
    assert kept.stable["current_term"] >= on_new.stable["current_term"]
    failed.server.start()
    cluster.wait_healthy()
    writer.stop()
    assert len(writer.acknowledged) > 100 and writer.lost() == []


@pytest.mark.long
def test_a_server_that_waits_only_for_another_one_is_not_blamed_or_stopped_again(make: Any) -> None:
    """The other one is the first of the group, so whoever asks only that one gets no answer.

    Nothing is wrong with this server, and with both of them out quorum would be lost.
    """
    cluster, writer = make("wal")
    second, first, leader = cluster.servers
    cluster.lead_by(leader)
    failed = roll(cluster, "wal", "spread", server=first)
    assert failed.others == [second, leader]
    assert failed.after[second.name] is None and failed.after[leader.name] == failed.before[leader.name]
    assert failed.server.try_api("GET", "/v1/agent/self").body["stats"]["raft"]["logstore_backend"] == "wal"
    assert not list(first.raft_dir.glob("wal.migrated.*")), "it was taken back"
    waits = f"waits until it is back: {first.name}.global itself is healthy, but the leader "
    assert waits in failed.said and "the failure tolerance is 0, it was 1 before" in failed.said
    down = f"{second.name} is down (no answer at http://{second.address}:{second.http_port})"
    told = f"{first.name}: It is on wal and healthy. It waits because {down}. {first.name} stays on wal. "
    assert f"{told}Bring {second.name} back, then run the same command again" in failed.said
    assert "Autopilot's removal of dead servers is off, and stays off until a run ends well" in failed.said
    assert f"Cluster: {second.name}" not in failed.said and "Cluster: not healthy, failure tolerance 0" in failed.said
    assert "It could not be brought back" not in failed.said
    assert cluster.write("raftops/quorum", {"is": "kept"}).status == 200

    second.start()
    cluster.wait_healthy()
    assert_roll_completes(failed, writer)


@pytest.mark.long
def test_a_server_is_not_stopped_again_while_nobody_knows_yet_that_another_one_is_down(make_cluster: Any) -> None:
    """The leader calls an idle server healthy for some 40 s after its end; the server itself is asked.

    The other one ends when the first one's state is shown, the step before its return.
    """
    cluster = make_cluster(backend="boltdb")
    cluster.lead_by(cluster.servers[0])  # this one is asked about the cluster
    first, second = cluster.followers()
    ends = playbooks.command_of(second, "kill")
    failed = roll(cluster, "wal", "log", first, raft_logstore_gate_timeout=5, raft_logstore_status_command=ends)
    leader = failed.others[1]
    assert failed.others[0] is second
    assert failed.after[second.name] is None and failed.after[leader.name] == failed.before[leader.name]
    assert f"{failed.server.name}: Checking its log: The agent's log has " in failed.said
    assert "It could not be brought back to boltdb: Every other server applies what is written now: " in failed.said
    assert failed.server.try_api("GET", "/v1/agent/self").body["stats"]["raft"]["logstore_backend"] == "wal"
    assert cluster.write("raftops/quorum", {"is": "kept"}).status == 200


@pytest.mark.long
def test_a_return_that_is_refused_leaves_the_server_stopped_and_says_so(make: Any) -> None:
    """What the server has stored on the WAL cannot be read: nothing is made of it, and nothing else is changed."""
    cluster, writer = make("wal")
    failed = roll(cluster, "wal", "rot")
    assert failed.after[failed.server.name] is None
    assert "It could not be brought back to boltdb: converting its store: " in failed.said
    assert "Its store is switched to wal, but the agent does not run" in failed.said
    assert leftbehind.is_guarded(failed.server) and start_faulty.configured_for(failed.server, "wal")
    assert {failed.after[other.name] for other in failed.others} == {
        failed.before[other.name] for other in failed.others
    }

    start_faulty.rot(failed.server)  # the same byte, changed back
    assert_roll_completes(failed, writer)


@pytest.mark.long
def test_no_return_where_none_is_wanted_and_the_next_run_returns_it(make: Any) -> None:
    """The second run finds the server down, on the WAL, and fails with it again."""
    cluster, writer = make("wal")
    failed = roll(cluster, "wal", "refuse", raft_logstore_rollback_on_failure=False)
    assert failed.after == {**failed.before, failed.server.name: None}
    assert leftbehind.is_guarded(failed.server)
    assert "Its store is switched to wal, but the agent does not run" in failed.said

    again = roll(cluster, "wal", "refuse", server=failed.server)
    assert "converted back to boltdb" in again.said
    assert set(leftbehind.observe(cluster).backends.values()) == {"boltdb"}
    assert_roll_completes(again, writer)
