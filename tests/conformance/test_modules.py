# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module that asks an agent, against a running cluster of three: the lab server, or Nomad with NOMAD_BIN."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.modules import (
    agent_info,
    autopilot_config,
    autopilot_health_info,
    raft_logstore_config,
    raft_transfer_leadership,
    server_wait,
    snapshot_save,
)
from support.cluster.cluster import Cluster, Server
from support.run_module import run

Asks = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def cluster(make_cluster: Callable[..., Cluster]) -> Cluster:
    return make_cluster()


@pytest.fixture(autouse=True)
def no_nomad_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("NOMAD_ADDR", "NOMAD_TOKEN", "NOMAD_REGION", "NOMAD_CACERT"):
        monkeypatch.delenv(name, raising=False)
    yield


def ask(module: Any, server: Server, **options: Any) -> dict[str, Any]:
    return run(module, host=server.address, port=server.http_port, **options)


def ids(cluster: Cluster) -> dict[str, str]:
    """Raft IDs by server name."""
    return {server.name: ask(agent_info, server)["agent"]["id"] for server in cluster.servers}


def settled(cluster: Cluster) -> Server:
    """The leader, once the cluster is healthy under it."""
    assert ask(server_wait, cluster.servers[0], until="healthy", wait_timeout=60, stable_for=1)["satisfied"]
    leader: Server = cluster.leader()
    return leader


def test_each_agent_describes_itself_and_all_agree_on_the_rest(cluster: Cluster) -> None:
    settled(cluster)
    agents = [ask(agent_info, server)["agent"] for server in cluster.servers]
    assert sorted(agent["state"] for agent in agents) == ["Follower", "Follower", "Leader"]
    assert {agent["backend"] for agent in agents} == {"boltdb"}
    assert len({agent["leader_address"] for agent in agents}) == 1
    for agent, server in zip(agents, cluster.servers):
        assert Path(agent["data_dir"]) == Path(server.data_dir)
        assert Path(agent["raft_dir"]) == Path(server.data_dir) / "server/raft"
        assert [Path(path) for path in agent["config_paths"]] == [Path(server.config_dir)]
        assert sorted(peer["id"] for peer in agent["peers"]) == sorted(ids(cluster).values())
        assert agent["rpc_address"] == f"{server.address}:4647"


def test_the_configuration_on_disk_leads_to_the_agent_that_answers(cluster: Cluster) -> None:
    for server in cluster.servers:
        found = run(raft_logstore_config, path=[str(server.config_dir)], backend="boltdb", check_mode=True)["agent"]
        seen = run(agent_info, host=found["http_host"], port=found["http_port"], use_ssl=found["use_ssl"])["agent"]
        assert seen["name"].split(".")[0] == server.name
        assert (seen["data_dir"], seen["raft_dir"]) == (found["data_dir"], found["raft_dir"])
        assert seen["leave_on_interrupt"] == found["leave_on_interrupt"]
        assert seen["region"] == found["region"] and found["server"] is True


def test_the_leaders_view_is_the_same_through_every_server(cluster: Cluster) -> None:
    leader = settled(cluster)
    views = [ask(autopilot_health_info, server)["autopilot"] for server in cluster.servers]
    for view in views:
        assert view["healthy"] and view["failure_tolerance"] == 1
        assert view["leader"] == ids(cluster)[leader.name]
        assert view["voters"] == sorted(ids(cluster).values())


def test_leadership_moves_to_the_server_named_and_stays(cluster: Cluster) -> None:
    leader = settled(cluster)
    target = next(server for server in cluster.servers if server.name != leader.name)
    options = {"server_id": ids(cluster)[target.name], "target_host": target.address, "stable_for": 1}
    assert ask(raft_transfer_leadership, leader, check_mode=True, **options)["changed"]
    assert cluster.leader().name == leader.name
    moved = ask(raft_transfer_leadership, leader, **options)
    assert moved["changed"] and cluster.leader().name == target.name
    assert ask(agent_info, target)["agent"]["state"] == "Leader"
    settled(cluster)
    assert not ask(raft_transfer_leadership, leader, **options)["changed"]
    away = ask(raft_transfer_leadership, target, candidates=[ids(cluster)[leader.name]], stable_for=0.5)
    assert away["changed"] and cluster.leader().name == leader.name


def test_a_hold_is_in_force_and_released(cluster: Cluster, tmp_path: Path) -> None:
    settled(cluster)
    first, second = cluster.servers[:2]
    file = str(tmp_path / ".raft-hold.json")
    held = ask(autopilot_config, first, state="held", hold_file=file, origin="test")
    assert held["changed"] and held["previous"] is True
    assert ask(autopilot_config, second)["config"]["cleanup_dead_servers"] is False
    other = str(tmp_path / "second.json")
    told = ask(autopilot_config, second, state="held", hold_file=other, origin="test", previous=held["previous"])
    assert told["changed"] and told["hold"]["previous"] is True and told["config"] == held["config"]
    for server, one in ((first, file), (second, other)):
        assert ask(autopilot_config, server, state="released", hold_file=one)["changed"]
    assert ask(autopilot_config, second)["config"]["cleanup_dead_servers"] is True
    assert not list(tmp_path.iterdir())


def test_single_settings_are_changed_and_put_back(cluster: Cluster) -> None:
    settled(cluster)
    server = cluster.servers[2]
    before = ask(autopilot_config, server)["config"]
    wanted = {"min_quorum": 3, "last_contact_threshold": "250ms", "max_trailing_logs": 500}
    changed = ask(autopilot_config, server, **wanted)
    assert changed["changed"] and {name: changed["config"][name] for name in wanted} == wanted
    assert changed["config"]["modify_index"] > before["modify_index"]
    assert not ask(autopilot_config, server, **wanted)["changed"]
    back = ask(autopilot_config, server, **{name: before[name] for name in wanted})
    assert {**back["config"], "modify_index": 0} == {**before, "modify_index": 0}


def test_snapshots_of_the_leader_and_of_the_server_itself(cluster: Cluster, tmp_path: Path) -> None:
    leader = settled(cluster)
    follower = next(server for server in cluster.servers if server.name != leader.name)
    for options in ({}, {"stale": True}):
        saved = ask(snapshot_save, follower, dest=str(tmp_path / "snapshots"), **options)
        assert saved["changed"] and saved["servers"] == sorted(ids(cluster).values())
        assert saved["index"] <= ask(agent_info, leader)["agent"]["raft"]["last_log_index"]
        assert Path(saved["path"]).stat().st_mode & 0o777 == 0o600
        time.sleep(1)  # the name carries the second, and nothing is ever replaced


def test_a_server_is_taken_out_and_is_back_when_it_has_caught_up(cluster: Cluster) -> None:
    leader = settled(cluster)
    server = next(one for one in cluster.servers if one.name != leader.name)
    server_id = ids(cluster)[server.name]
    voters = ask(autopilot_health_info, leader)["autopilot"]["voters"]
    may = ask(server_wait, server, until="stoppable", server_id=server_id, voters=voters, stable_for=1, wait_timeout=30)
    assert may["satisfied"] and may["observation"]["autopilot"]["failure_tolerance"] == 1

    server.stop()
    assert not ask(agent_info, server, required=False)["answered"]
    down = ask(server_wait, server, until="serving", wait_timeout=1)
    assert down["failed"] and "no answer" in down["msg"]
    repair = {"until": "stoppable", "server_id": server_id, "repair": True, "stable_for": 0}
    assert ask(server_wait, leader, voters=voters, wait_timeout=30, **repair)["satisfied"]

    server.start()
    back = {"server_id": server_id, "voters": voters, "failure_tolerance": 1, "stable_for": 2, "wait_timeout": 60}
    assert "not on wal" in ask(server_wait, server, backend="wal", **{**back, "wait_timeout": 15})["msg"]
    seen = ask(server_wait, server, backend="boltdb", **back)
    raft = seen["observation"]["agent"]["raft"]
    assert seen["satisfied"] and raft["applied_index"] == raft["commit_index"] > 0


def test_a_server_that_comes_back_as_a_non_voter_is_not_back(make_cluster: Callable[..., Cluster]) -> None:
    """What a removal or a leave leaves: status 200 and a healthy cluster, but two voters instead of three."""
    leaving = make_cluster(extra_hcl="leave_on_interrupt = true")
    leader = settled(leaving)
    server = next(one for one in leaving.servers if one.name != leader.name)
    assert ask(agent_info, server)["agent"]["leave_on_interrupt"] is True
    server_id, voters = ids(leaving)[server.name], sorted(ids(leaving).values())
    server.stop()
    server.start()
    back = {"server_id": server_id, "voters": voters, "failure_tolerance": 1}
    early = ask(server_wait, server, wait_timeout=1, stable_for=0, interval=0.1, **back)
    assert early["failed"], early["reason"]
    late = ask(server_wait, server, wait_timeout=90, stable_for=1, **back)
    assert late["satisfied"] and late["elapsed"] > 3


def test_a_configured_backend_is_the_one_the_server_starts_on(cluster: Cluster, tmp_path: Path) -> None:
    """The drop-in that we write is read by the real parser: a fresh server on it runs on WAL."""
    model = cluster.servers[0]
    alone = Cluster(tmp_path / "alone", size=1)
    try:
        server = alone.servers[0]
        result = run(raft_logstore_config, path=[str(server.config_dir)], backend="wal", wal_segment_size=16)
        assert result["changed_files"] == [str(Path(server.config_dir) / "raft_logstore.hcl")]
        alone.start()
        alone.wait_healthy(60)
        agent = ask(agent_info, server)["agent"]
        assert agent["backend"] == "wal" and agent["raft_logstore"]["wal_segment_size"] == 16
        assert agent["config_files"] == result["files"]
        assert ask(agent_info, model)["agent"]["raft_logstore"] is None
    finally:
        alone.stop_all()
        shutil.rmtree(tmp_path / "alone", ignore_errors=True)


def policy(server: Server, name: str, rules: str) -> str:
    """Secret ID of a new token with this policy only."""
    assert server.api("POST", f"/v1/acl/policy/{name}", body={"Name": name, "Rules": rules})[0] == 200
    wanted = {"Name": name, "Type": "client", "Policies": [name]}
    status, _headers, token = server.api("POST", "/v1/acl/token", body=wanted)
    assert status == 200
    return str(token["SecretID"])


def test_with_acls_each_module_needs_what_its_documentation_says(
    make_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    guarded = make_cluster(acl=True)
    server = guarded.servers[0]
    token = policy(server, "roll", 'agent { policy = "read" }\noperator { policy = "write" }\n')
    reader = policy(server, "reader", 'agent { policy = "read" }\noperator { policy = "read" }\n')
    saver = policy(server, "saver", 'operator { capabilities = ["snapshot-save"] }\n')
    dest = str(tmp_path / "snapshots")

    for module in (agent_info, autopilot_health_info, autopilot_config):
        refused = ask(module, server)
        assert refused["failed"] and "Permission denied (403). Give a token with" in refused["msg"]
        assert not ask(module, server, token=reader).get("failed")
    assert ask(server_wait, server, token=reader, until="back", stable_for=0, wait_timeout=30)["satisfied"]
    assert "operator:write" in ask(autopilot_config, server, token=reader, min_quorum=3)["msg"]
    assert ask(autopilot_config, server, token=token, min_quorum=3)["changed"]
    assert "snapshot-save" in ask(snapshot_save, server, token=reader, dest=dest)["msg"]
    assert ask(snapshot_save, server, token=saver, dest=dest)["changed"]

    leader = guarded.leader()
    assert "management" in ask(raft_transfer_leadership, leader, token=token)["msg"]
    assert guarded.leader().name == leader.name
    assert ask(raft_transfer_leadership, leader, token=leader.token, stable_for=0.5)["changed"]
    unknown = ask(agent_info, server, token="5f0e0b1c-1111-2222-3333-0123456789ab")
    assert "403" in unknown["msg"] and "5f0e0b1c" not in str(unknown)
