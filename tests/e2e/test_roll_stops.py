# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stops a roll at a server or at its end: a sentence that says why, and no further server touched."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from support.cluster.proxy import Call, Reply, Spoil, proxies
from support.cluster.server import Server
from support.rolls import leftbehind, playbooks
from support.rolls.stops import after_the_last, assert_completes, is_untouched, pids, refused


def result_of(task: str, server: Server, output: str) -> int:
    """The position in the output at which this task ran on this server."""
    found = re.search(
        rf": {task}\] \*+\n(?:{server.name}: .*\n)*(ok|changed): \[{server.name}", output
    )  # after its progress
    assert found, output
    return found.start()


@pytest.mark.long
def test_stops_at_the_second_server_and_still_knows_the_value_from_before_the_hold(make_cluster: Any) -> None:
    """The first server is done and holds; the second one's run finds a hold, but none of its own."""
    cluster = make_cluster()
    first, second = cluster.followers()
    choosy = {second.name: {"raft_logstore_min_failure_tolerance": 2}}
    run = playbooks.run("migrate", playbooks.write_inventory(cluster, hosts=choosy))
    assert run.returncode != 0, run.stdout
    said = " ".join(run.stdout.split())
    assert f"{second.name}: The cluster can do without this server: " in said, run.stdout
    assert is_untouched(second) and not is_untouched(first)
    assert leftbehind.observe(cluster).cleanup is False

    again = playbooks.run("migrate", playbooks.write_inventory(cluster))
    assert again.returncode == 0, again.stdout
    back, stop = "See that it is back for good", "Take it out, convert, bring it back"
    assert result_of(back, first, again.stdout) < result_of(stop, second, again.stdout), "what is done is asked first"
    after = leftbehind.observe(cluster)
    assert set(after.backends.values()) == {"wal"}
    assert after.cleanup is True
    assert not [path for server in cluster.servers for path in server.raft_dir.glob(".raft-hold*")]


def idle() -> Spoil:
    """Nothing was applied since the last entry of configuration: Raft takes no snapshot until then."""
    written: list[str] = []

    def refuse(call: Call, pass_on: Callable[[], Reply]) -> Reply:
        written.extend([call.path] if call.method == "PUT" else [])
        if call.path.startswith("/v1/operator/snapshot") and not written:
            return Reply(
                500, {"Content-Type": "text/plain"}, b"cannot take snapshot now, wait until the configuration entry at"
            )
        return pass_on()

    return refuse


def test_a_single_server_is_rolled_only_when_an_outage_is_allowed(make_cluster: Any) -> None:
    """It starts from the roll's snapshot, which has no settings of autopilot: those that were set are gone."""
    cluster = make_cluster(size=1)
    assert "failure tolerance of the cluster is 0, not 1 or more. Add servers" in refused(cluster, "migrate")
    autopilot = "/v1/operator/autopilot/configuration"
    settings = cluster.servers[0].api("GET", autopilot).body
    settings = {**settings, "MinQuorum": 3, "LastContactThreshold": "333ms"}
    cluster.servers[0].api("PUT", autopilot, body=settings)
    with proxies(cluster, idle()) as through:
        run = playbooks.run("migrate", playbooks.write_inventory(cluster, through, raft_logstore_allow_outage=True))
    assert run.returncode == 0, run.stdout
    assert set(leftbehind.observe(cluster).backends.values()) == {"wal"}
    said = " ".join(run.stdout.split())
    assert "autopilot has other settings than before: last_contact_threshold was 333ms, min_quorum was 3." in said
    assert "set them again: nomad operator autopilot set-config -last-contact-threshold=333ms -min-quorum=3" in said


@pytest.mark.long
@pytest.mark.parametrize("size", [1, 2])
def test_a_server_without_which_nobody_leads_is_finished_by_the_next_run(make_cluster: Any, size: int) -> None:
    """There is no leader to ask until it is back."""
    cluster = make_cluster(size=size)
    voters = leftbehind.observe(cluster).voters
    first = (cluster.followers() or cluster.servers)[0]
    hosts = {first.name: {"raft_logstore_start_command": "/bin/true"}}
    variables: dict[str, Any] = {"raft_logstore_allow_outage": True, "raft_logstore_wait_timeout": 8}
    run = playbooks.run(
        "migrate", playbooks.write_inventory(cluster, hosts, raft_logstore_rollback_on_failure=False, **variables)
    )
    assert run.returncode != 0 and not first.is_running(), run.stdout
    inventory = playbooks.write_inventory(cluster, raft_logstore_allow_outage=True)
    rehearsed = playbooks.run("migrate", inventory, "--check")
    assert rehearsed.returncode == 0 and not first.is_running(), rehearsed.stdout
    assert_completes(cluster, inventory, voters)


@pytest.mark.long
def test_stops_at_a_server_that_is_not_back_in_time_and_finishes_when_run_again(make_cluster: Any) -> None:
    cluster = make_cluster()
    leader = cluster.leader()
    assert leader is not None
    voters = leftbehind.observe(cluster).voters
    first, second = [server for server in cluster.servers if server is not leader]
    inventory = playbooks.write_inventory(cluster, raft_logstore_wait_timeout=8)
    content = yaml.safe_load(inventory.read_text())
    started_how = content[playbooks.GROUP]["hosts"][first.name]["raft_logstore_start_command"]
    content[playbooks.GROUP]["hosts"][first.name]["raft_logstore_start_command"] = "/bin/true"
    inventory.write_text(yaml.safe_dump(content, sort_keys=False))
    before = pids(cluster)

    run = playbooks.run("migrate", inventory)
    said = " ".join(run.stdout.split())
    assert run.returncode != 0
    assert f"{first.name}: Waiting until it is back: not back after " in said, run.stdout
    assert "No server after it was touched" in said
    assert pids(cluster) == {**before, first.name: None}
    assert is_untouched(second)
    assert is_untouched(leader)

    content[playbooks.GROUP]["hosts"][first.name]["raft_logstore_start_command"] = started_how
    content[playbooks.GROUP]["vars"]["raft_logstore_wait_timeout"] = 60
    inventory.write_text(yaml.safe_dump(content, sort_keys=False))
    rehearsed = playbooks.run("migrate", inventory, "--check")
    assert rehearsed.returncode == 0, rehearsed.stdout
    assert f"can be asked only when {first.name} is back" in " ".join(rehearsed.stdout.split())
    assert_completes(cluster, inventory, voters)


@pytest.mark.long
def test_puts_a_server_back_whose_store_cannot_be_converted(make_cluster: Any) -> None:
    """The place for its copy disappears while it is down. The conversion refuses; it runs again on its old store."""
    cluster = make_cluster()
    voters = leftbehind.observe(cluster).voters
    place = cluster.root / "copies"
    place.mkdir()
    inventory = playbooks.write_inventory(cluster, raft_logstore_backup_dir=str(place))
    content = yaml.safe_load(inventory.read_text())
    for host in content[playbooks.GROUP]["hosts"].values():
        stop = host["raft_logstore_stop_command"]
        host["raft_logstore_stop_command"] = f"/bin/sh -c '{stop} && rm -d {place} && touch {place}'"
    inventory.write_text(yaml.safe_dump(content, sort_keys=False))
    run = playbooks.run("migrate", inventory)
    said = " ".join(run.stdout.split())
    assert run.returncode != 0
    assert f": Converting its store: {place}: " in said, run.stdout
    assert "It is back in the cluster as it was" in said
    after = leftbehind.observe(cluster)
    assert set(after.backends.values()) == {"boltdb"}
    assert (after.voters, after.cleanup) == (voters, True)
    assert all(map(is_untouched, cluster.servers)), "the configuration of the one that was stopped is as it was, too"


@pytest.mark.long
def test_a_roll_whose_last_server_has_not_passed_is_not_over(make_cluster: Any) -> None:
    """It runs on the WAL and takes no write. Run again there is nothing to convert, and yet it does not end well."""
    cluster = make_cluster(size=1)
    (server,) = cluster.servers
    before = server.pid()

    def refuse(call: Call, pass_on: Callable[[], Reply]) -> Reply:
        if server.pid() != before and call.method == "PUT":
            return Reply(500, {"Content-Type": "text/plain"}, b"rpc error: failed to apply")
        return pass_on()

    variables = {
        "raft_logstore_allow_outage": True,
        "raft_logstore_gate_timeout": 6,
        "raft_logstore_rollback_on_failure": False,
    }
    with proxies(cluster, refuse) as through:
        for _run in range(2):
            run = playbooks.run("migrate", playbooks.write_inventory(cluster, through, **variables))
            assert run.returncode != 0, run.stdout
            said = " ".join(run.stdout.split())
            assert "This server applies what is written now" in said
            assert "write path is not proven" in said, run.stdout
    # not the setting itself: no snapshot of Nomad's has it, and the server was started from one
    assert leftbehind.is_guarded(server) and server.raft_dir.joinpath(".raft-hold.json").exists()


@pytest.mark.long
def test_says_at_the_end_that_a_server_would_not_start_on_the_backend_again(make_cluster: Any) -> None:
    """Somebody puts the old configuration back on a server that is done, and does not restart it."""
    cluster = make_cluster(size=1)
    (undone,) = cluster.servers
    spoil = f"""sed --in-place 's/backend = "wal"/backend = "boltdb"/' {undone.config_dir}/raft_logstore.hcl"""
    variables = {**after_the_last(cluster, spoil), "raft_logstore_allow_outage": True}
    run = playbooks.run("migrate", playbooks.write_inventory(cluster, **variables))
    assert run.returncode != 0
    said = " ".join(run.stdout.split())
    expected = rf"{undone.name} is \w+, runs on wal, is configured for boltdb and has a store in state wal\."
    assert re.search(expected, said), run.stdout
    assert leftbehind.observe(cluster).cleanup is True


def test_says_at_the_end_that_a_server_has_gone(make_cluster: Any) -> None:
    """It was done, and has stopped since. The hold stays, and with it the roll is not over."""
    cluster = make_cluster(size=1)
    (gone,) = cluster.servers
    stop = f"{{{{ hostvars['{gone.name}'].raft_logstore_stop_command }}}}"
    variables = {**after_the_last(cluster, stop), "raft_logstore_allow_outage": True}
    run = playbooks.run("migrate", playbooks.write_inventory(cluster, **variables))
    assert run.returncode != 0
    assert f"{gone.name} is not back at the end: " in " ".join(run.stdout.split()), run.stdout
    assert not gone.is_running() and gone.raft_dir.joinpath(".raft-hold.json").exists()
