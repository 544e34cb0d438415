# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's own part: its options, its documented result. What it finds: tests/unit/.../server, tests/e2e."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.raftops.nomad.plugins.modules import server_info
from support.agent_server import AgentServer
from support.host import Host
from support.run_module import run
from support.runningagent import running_agent

TOKEN = "5f0e0b1c-1111-2222-3333-0123456789ab"
COMMANDS = {"service_manager": "command", "stop_command": "true", "start_command": "true", "status_command": "true"}


@pytest.fixture
def host(tmp_path: Path, server: AgentServer) -> Host:
    server.play("agent_self-acl-agent_read", "autopilot_health-healthy", "raft_configuration-follower-stale")
    server.play("autopilot_configuration", "autopilot_configuration-put-cas-stale", "transfer-unknown-id")
    return Host(tmp_path, server.port)


def looked(host: Host, /, **options: Any) -> dict[str, Any]:
    result = run(server_info, config_path=[str(host.config_dir)], **COMMANDS, **options)
    assert result["changed"] is False
    return dict(result["server"])


def compare(found: dict[str, Any], documented: dict[str, Any], at: str = "server") -> None:
    assert set(found) == set(documented), at
    for name, about in documented.items():
        value, kinds = found[name], {"dict": dict, "list": list, "str": str, "bool": bool, "int": int, "float": float}
        assert value is None or isinstance(value, kinds[about["type"]]), f"{at}.{name}"
        assert about["type"] == "dict" or "contains" in about or "sample" in about, f"{at}.{name}"
        for inner in [value] if isinstance(value, dict) else value if isinstance(value, list) else []:
            if "contains" in about:
                compare(inner, about["contains"], f"{at}.{name}")


def test_it_returns_what_it_documents_and_does_not_show_the_token(host: Host) -> None:
    with running_agent(host.root, "-config", str(host.config_dir), store=host.raft_dir / "raft.db"):
        found = looked(host, token=TOKEN)
    compare(found, yaml.safe_load(server_info.RETURN)["server"]["contains"])
    assert found["process"] and found["rehearsal"] and found["token"]["asked"]
    assert TOKEN not in str(found)


def test_nothing_is_changed_in_check_mode_or_without(host: Host) -> None:
    def files() -> dict[str, tuple[int, bytes]]:
        return {
            str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in host.root.rglob("*") if path.is_file()
        }

    before = files()
    found = looked(host)
    assert looked(host, check_mode=True)["rehearsal"] == found["rehearsal"]
    assert files() == before and not os.path.exists(host.config_dir / "raft_logstore.hcl")


def test_empty_and_null_are_not_given(host: Host) -> None:
    plain = looked(host)
    names = set(yaml.safe_load(server_info.DOCUMENTATION)["options"]) - {*COMMANDS, "config_path"}
    names |= {"port", "use_ssl", "timeout", "region", "token"}
    for nothing in ("", None):
        given = looked(host, **dict.fromkeys(names, nothing))
        for part in ("store", "prospect"):  # free space changes, and a plan has the time in a name
            assert (given.pop(part) is None) == (plain.get(part) is None)
        assert given == {name: value for name, value in plain.items() if name in given}


def test_a_wrong_option_is_a_sentence(host: Host) -> None:
    assert "host must be a name" in run(server_info, host="http://x", **COMMANDS)["msg"]
    assert "value of backend must be one of" in run(server_info, backend="WAL", **COMMANDS)["msg"]
