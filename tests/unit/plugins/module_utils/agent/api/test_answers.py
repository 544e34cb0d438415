# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of recorded answers, and that nothing of the wrong type gets through."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api import answers
from ansible_collections.raftops.nomad.plugins.modules import agent_info, autopilot_config, autopilot_health_info
from support.recordings import recording


def test_a_servers_own_description() -> None:
    agent = answers.parse_agent(recording("agent_self-follower-wal")["body"])
    assert (agent.backend, agent.state, agent.server, agent.version) == ("wal", "Follower", True, "2.0.5")
    assert agent.raft_dir == "/opt/nomad/data/server/raft"
    assert agent.raft_logstore == {
        "backend": "wal",
        "wal_segment_size": None,
        "no_freelist_sync": None,
        "disable_log_cache": False,
    }
    assert [peer.voter for peer in agent.peers] == [True, True, True]
    assert agent.rpc_address in [peer.address for peer in agent.peers]
    assert agent.config_files == ("/etc/nomad.d/50-logstore.hcl", "/etc/nomad.d/nomad.hcl")
    assert agent.config_paths == ("/etc/nomad.d",)


def test_a_server_that_has_not_applied_anything_yet() -> None:
    agent = answers.parse_agent(recording("agent_self-no_leader")["body"])
    assert (agent.leader_address, agent.raft["commit_index"], agent.raft["applied_index"]) == ("", 0, 0)


def test_server_data_dir_takes_the_place_of_data_dir_server() -> None:
    body = copy.deepcopy(recording("agent_self-leader-wal")["body"])
    body["config"]["Server"]["DataDir"] = "/srv/nomad"
    assert answers.parse_agent(body).raft_dir == "/srv/nomad/raft"


def test_an_agent_that_is_only_a_client() -> None:
    body = copy.deepcopy(recording("agent_self-leader-wal")["body"])
    body["stats"] = {"client": {}}
    body["member"] = {"Tags": None}
    agent = answers.parse_agent(body)
    assert (agent.server, agent.id, agent.backend, agent.raft_dir, agent.raft["term"]) == (False, "", "", "", -1)


def test_the_prerelease_and_the_edition_are_seen() -> None:
    body = copy.deepcopy(recording("agent_self-leader-wal")["body"])
    body["config"]["Version"] = {"Version": "2.1.0", "VersionPrerelease": "beta.1", "VersionMetadata": "ent"}
    agent = answers.parse_agent(body)
    assert (agent.version, agent.enterprise) == ("2.1.0-beta.1", True)


@pytest.mark.parametrize(
    ("case", "leader", "servers", "voters"),
    [("healthy", True, 3, 3), ("just_elected", False, 0, 0), ("after_return_nonvoter", True, 2, 2)],
)
def test_the_leaders_view(case: str, leader: bool, servers: int, voters: int) -> None:
    autopilot = answers.parse_autopilot(recording(f"autopilot_health-{case}")["body"])
    assert bool(autopilot.leader) is leader
    assert (len(autopilot.servers), len(autopilot.voters)) == (servers, voters)
    assert [server.name for server in autopilot.servers] == sorted(server.name for server in autopilot.servers)


@pytest.mark.parametrize(("module", "key", "case"), [
    (agent_info, "agent", "agent_self-leader-boltdb"),
    (autopilot_health_info, "autopilot", "autopilot_health-healthy"),
    (autopilot_config, "config", "autopilot_configuration"),
])  # fmt: skip
def test_results_have_exactly_the_documented_fields(module: Any, key: str, case: str) -> None:
    parse = {"agent": answers.parse_agent, "autopilot": answers.parse_autopilot}.get(key)
    result = (parse or answers.parse_autopilot_config)(recording(case)["body"]).as_dict()
    documented = yaml.safe_load(module.RETURN)[key]["contains"]
    compare(result, documented)


def compare(result: Any, documented: dict[str, Any]) -> None:
    assert set(result) == set(documented)
    kinds = {"str": str, "int": int, "bool": bool, "list": list, "dict": (dict, type(None))}
    for name, description in documented.items():
        assert isinstance(result[name], kinds[description["type"]]), name
        if "contains" in description and result[name]:
            compare(result[name][0] if description["type"] == "list" else result[name], description["contains"])


WRONG = (None, 1, True, "x", [], {}, [[]], {"a": 1})


def broken(value: Any) -> list[Any]:
    """The value with each of its fields replaced, one at a time, by each wrong value."""
    variants = []
    if isinstance(value, dict):
        for name in value:
            for wrong in [*WRONG, *broken(value[name])]:
                variants.append({**value, name: wrong})
    elif isinstance(value, list) and value:
        variants += [[wrong, *value[1:]] for wrong in [*WRONG, *broken(value[0])]]
    return variants


@pytest.mark.parametrize(("case", "parse"), [
    ("agent_self-leader-wal", answers.parse_agent),
    ("autopilot_health-healthy", answers.parse_autopilot),
    ("autopilot_configuration", answers.parse_autopilot_config),
])  # fmt: skip
def test_every_field_of_a_wrong_type_is_a_value_error_or_harmless(case: str, parse: Any) -> None:
    body = recording(case)["body"]
    if "config" in body:  # the other sections of the configuration are not looked at
        keep = ("Server", "Version", "DataDir", "Region", "ConfigPaths", "Files", "LeaveOnInt", "LeaveOnTerm")
        body["config"] = {name: body["config"][name] for name in keep}
    refused = 0
    for variant in [*WRONG, *broken(body)]:
        try:
            parse(variant).as_dict()
        except ValueError as error:
            refused += 1
            assert str(error)
    assert refused > 20
