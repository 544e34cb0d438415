# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_backend: options and results. What it does is in tests/e2e/server_backend, on a running cluster."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import argument_spec
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend import place
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.caller import Wish
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.place import Place
from ansible_collections.raftops.nomad.plugins.modules import (
    agent_service,
    raft_logstore_config,
    raft_migrate_backend,
    server_backend,
    server_wait,
)
from support.agent_server import AgentServer, as_json
from support.member import among_listeners, with_listeners
from support.recordings import recording
from support.run_module import documented, run
from support.stores.builder import nomad_store

S2 = "1e70156a-c6aa-01a1-ba14-e2df5513ced6"


@pytest.fixture
def given(server: AgentServer, tmp_path: Path) -> dict[str, Any]:
    """The server s2 on boltdb, in a healthy cluster; nothing is ever stopped here."""
    (nomad_store("follower", tmp_path / "data").parent / "node-id").write_text(S2)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/nomad.hcl").write_text(f'data_dir = "{tmp_path}/data"\nserver {{ encrypt = "SECRET" }}\n')
    body = copy.deepcopy(recording("agent_self-follower-boltdb-after-return")["body"])
    body["stats"]["raft"].update(applied_index="15", commit_index="15")
    own = {"DataDir": str(tmp_path / "data"), "ConfigPaths": [str(tmp_path / "config")]}
    body["config"].update(own, Files=[str(tmp_path / "config/nomad.hcl")])
    server.on("/v1/agent/self", as_json(among_listeners(body, server.port)))
    healthy = copy.deepcopy(recording("autopilot_health-healthy")["body"])
    server.on("/v1/operator/autopilot/health", as_json(with_listeners(healthy, server.port)))
    commands = {"stop_command": "/bin/false", "start_command": "/bin/false"}
    paths = {"config_path": [str(tmp_path / "config")], "service_manager": "command"}
    return {"port": server.port, "force": True, **commands, **paths}


def test_options_are_documented_and_have_the_names_and_defaults_of_those_they_stand_for() -> None:
    options = yaml.safe_load(server_backend.DOCUMENTATION)["options"]
    assert set(options) == set(server_backend.SPEC) - set(argument_spec())
    for name, spec in server_backend.SPEC.items():
        assert options[name].get("default") == spec.get("default") and options[name]["type"] == spec["type"], name
    others = [raft_logstore_config.SPEC, server_wait.SPEC, agent_service.SPEC]
    others.append(yaml.safe_load(raft_migrate_backend.DOCUMENTATION)["options"])
    named_otherwise = {"path", "file", "command", "until", "server_id", "manager", "name"}
    for spec in others:
        assert set(spec) - named_otherwise <= set(server_backend.SPEC)


def test_check_mode_and_what_it_documents(given: dict[str, Any], tmp_path: Path) -> None:
    result = run(server_backend, check_mode=True, diff=True, **given)
    assert set(result) - {"diff", "changed"} <= documented(server_backend)
    assert result["changed"] and result["last_look"]["satisfied"] and result["backend"] == "wal"
    assert "SECRET" not in str(result)
    assert [path.name for path in (tmp_path / "config").iterdir()] == ["nomad.hcl"]


def test_check_mode_warns_where_the_cluster_cannot_do_without_it(given: dict[str, Any]) -> None:
    result = run(server_backend, check_mode=True, min_failure_tolerance=2, **given)
    assert result["changed"] and not result["last_look"]["satisfied"]
    assert "not 2 or more" in result["last_look"]["reason"]


def test_check_mode_tells_what_is_at_work_there_and_what_nobody_has_heard(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: heard.append(text))
    monkeypatch.setattr(place, "RUN", str(tmp_path))
    there = Place.of(str(tmp_path / "data"))
    note = Wish("wal", "present", "controller-1").note(begun=True)
    assert there.take()
    there.write_note(note)
    told = run(server_backend, check_mode=True, **given)
    assert told["attached"] and told["plan"] == [] and "has been bringing it to wal for controller-1" in told["msg"]
    assert set(told) - {"changed"} <= documented(server_backend)
    there.keep_untold(note)
    there.write_answer(note, {"failed": True, "msg": "not back.", "changed": True})
    there.leave()
    told = run(server_backend, check_mode=True, **given)
    assert not told["attached"] and told["plan"] and "has failed: not back." in heard[0]


def test_nothing_to_do(given: dict[str, Any]) -> None:
    for check_mode in (True, False):
        result = run(server_backend, backend="boltdb", check_mode=check_mode, **given)
        assert (result["changed"], result["backend"], result["plan"]) == (False, "boltdb", [])


def test_what_stands_against_it(given: dict[str, Any]) -> None:
    for check_mode in (True, False):
        result = run(server_backend, check_mode=check_mode, **{**given, "stop_command": ""})
        assert result["failed"] and result["msg"] == "This server must not be stopped: give stop_command."
        assert (result["left"], result["changed"]) == ("untouched", False)


def test_a_server_that_cannot_be_known(given: dict[str, Any], tmp_path: Path) -> None:
    result = run(server_backend, **{**given, "config_path": [str(tmp_path / "none")]})
    assert result["failed"] and "No such file" in result["msg"] and result["left"] == "untouched"
