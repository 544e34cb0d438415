# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What server_info returns of a server: each part where it belongs, and the same keys when nothing is known."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.hold import Hold, HoldFile
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Ran
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.rehearsal import Finding
from ansible_collections.raftops.nomad.plugins.module_utils._server.look import look
from ansible_collections.raftops.nomad.plugins.module_utils._server.report import report
from support.agent_server import AgentServer
from support.host import NODE_ID, Host
from support.stores.builder import as_user


@pytest.fixture
def host(tmp_path: Path, server: AgentServer) -> Host:
    return Host(tmp_path, server.port)


def reported(host: Host, **given: Any) -> dict[str, Any]:
    return report(look(host.given(**given), {}, host.systemctl), [Finding("warn", "files", "So it is.", "/x")])


def test_a_server_that_answers(host: Host, server: AgentServer) -> None:
    server.play("agent_self-follower-boltdb", "autopilot_health-healthy", "raft_configuration-follower-stale")
    found = reported(host)
    assert (found["id"], found["name"], found["version"], found["region"]) == (NODE_ID, "s2.global", "2.0.5", "global")
    assert found["agent"]["role"] == "follower" and found["agent"]["self"]["backend"] == "boltdb"
    assert [peer["voter"] for peer in found["agent"]["raft_configuration"]["peers"]] == [True] * 3
    assert found["configuration"]["previous_backend"] == "boltdb" and found["configuration"]["backend"] == "wal"
    assert found["configuration"]["changed_files"] == [str(host.config_dir / "raft_logstore.hcl")]
    assert found["configuration"]["unwritable"] == []
    assert found["prospect"]["bytes"] == (host.raft_dir / "raft.db").stat().st_size
    assert found["prospect"]["required_bytes"] > 64 << 20 and found["prospect"]["refusal"] == ""
    assert found["rehearsal"] == [{"severity": "warn", "code": "files", "what": "So it is.", "path": "/x"}]
    assert found["unit"]["signal"] == 2 and found["unit"]["literal"] is True
    assert json.loads(json.dumps(found)) == found, "plain values"


def test_what_a_token_lacks(host: Host, server: AgentServer) -> None:
    """A server that does not even let itself be asked who it is has ACLs, too."""
    server.play("acl-agent_self-operator_read", "autopilot_health-healthy", "acl-transfer_noop-operator_read")
    server.play("autopilot_configuration", "acl-autopilot_configuration_put-operator_read")
    token = reported(host, token="5f0e0b1c-1111-2222-3333-0123456789ab")["token"]
    assert token["asked"] is True
    assert [one["capability"] for one in token["lacking"]] == ["agent:read", "operator:write", "management"]
    assert token["lacking"][0]["path"] == "/v1/agent/self"


def test_a_token_that_could_not_be_asked_about_is_an_error(host: Host, server: AgentServer) -> None:
    server.play("acl-agent_self-operator_read", "autopilot_health-no_leader", "acl-transfer_noop-operator_read")
    assert "No cluster leader" in reported(host, token="5f0e0b1c-1111-2222-3333-0123456789ab")["errors"]["token"]


def test_who_has_looked_and_where_that_user_may_not_write(host: Host) -> None:
    seen = look(host.given(), {}, host.systemctl)
    found = json.loads(as_user(65534, lambda: json.dumps(report(seen, []))))
    assert found["user_id"] == 65534 and found["configuration"]["unwritable"] == [str(host.config_dir)]
    assert reported(host)["user_id"] == os.geteuid()


def test_what_a_roll_has_left(host: Host) -> None:
    HoldFile(str(host.raft_dir / ".raft-hold.json"), os.geteuid()).write(Hold("c1", True, "2026-11-22T13:20:35Z"))
    drop_in = "/run/systemd/system/nomad.service.d/90-raft-logstore.conf"
    host.shown += f"DropInPaths={drop_in}\n"
    found = reported(host)["leftovers"]
    assert found["hold"]["origin"] == "c1" and found["drop_in"] == drop_in and found["journal"] is False


def test_the_snapshots_that_rolls_have_left(host: Host) -> None:
    assert reported(host)["leftovers"]["snapshots"] == []
    (saved := host.root / "snapshots").mkdir()
    (saved / "nomad-316-20261122T104744Z.snap").write_bytes(b"keys")
    path = str(saved / "nomad-316-20261122T104744Z.snap")
    assert reported(host)["leftovers"]["snapshots"] == [{"path": path, "size": 4, "created": "2026-11-22T10:47:44Z"}]


def test_the_keys_are_the_same_when_nothing_is_known(host: Host) -> None:
    known = reported(host)
    host.systemctl = lambda _arguments: Ran(1, "", "no systemd")  # type: ignore[method-assign]
    unknown = reported(host, port=1)
    assert set(unknown) == set(known)
    for part in ("agent", "unit", "configuration", "token", "leftovers", "prospect"):
        assert set(unknown[part]) == set(known[part])
    assert unknown["store"] is None and unknown["id"] is None and unknown["agent"]["role"] == "down"
    assert unknown["prospect"]["refusal"] == unknown["errors"]["store"]
