# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look: what is found out when nothing is given, and what is said of a part that cannot be looked at."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Ran
from ansible_collections.raftops.nomad.plugins.module_utils._server.look import Seen, drop_in, look, role
from support.agent_server import AgentServer
from support.host import Host
from support.runningagent import running_agent


@pytest.fixture
def host(tmp_path: Path, server: AgentServer) -> Host:
    return Host(tmp_path, server.port)


def seen(host: Host, **given: Any) -> Seen:
    return look(host.given(**given), {}, host.systemctl)


def test_a_packaged_host_needs_no_option(host: Host, server: AgentServer) -> None:
    server.play("agent_self-follower-boltdb", "autopilot_health-healthy", "raft_configuration-follower-stale")
    server.play("autopilot_configuration")
    found = seen(host)
    assert found.errors == {} and found.warnings == []
    assert (found.paths, found.data_dir) == ((str(host.config_dir),), str(host.data_dir))
    assert found.store is not None and found.store["state"] == "boltdb"
    assert found.prospect is not None and found.prospect.plan and found.prospect.refusal == ""
    assert found.agent is not None and role(found) == "follower"
    assert found.autopilot is not None and len(found.autopilot.voters) == 3
    assert found.autopilot_config is not None and found.autopilot_config.setting("cleanup_dead_servers") is True
    assert found.api == {"host": "127.0.0.1", "port": server.port, "use_ssl": False}
    assert found.raft_configuration is not None and len(found.raft_configuration.peers) == 3
    assert server.asked("/v1/operator/raft/configuration")[0].path.endswith("?stale=")
    assert found.rights is None and not [one for one in server.seen if one.method != "GET"]
    assert drop_in(found) == "/run/systemd/system/nomad.service.d/90-raft-logstore.conf"


def test_the_configuration_wins_over_the_address_in_the_environment(host: Host, server: AgentServer) -> None:
    found = look(host.given(), {"NOMAD_ADDR": "http://192.0.2.1:1"}, host.systemctl)
    assert found.asked is not None and found.asked.url == f"http://127.0.0.1:{server.port}"
    assert look(host.given(port=2), {}, host.systemctl).asked.url == "http://127.0.0.1:2"  # type: ignore[union-attr]


def test_nothing_can_be_found_out(host: Host) -> None:
    host.systemctl = lambda _arguments: Ran(1, "", "System has not been booted with systemd\n")  # type: ignore[method-assign]
    found = seen(host, port=1)
    assert found.errors["unit"].startswith("systemctl show ")
    assert "nomad.service failed: System has not been booted with systemd" in found.errors["unit"]
    assert found.errors["store"] == "It is unknown where the store is. Give data_dir."
    assert "no answer: Connection refused" in found.errors["agent"] and role(found) == "down"
    assert (found.store, found.planned, found.process, found.agent) == (None, None, None, None)


def test_a_configuration_that_cannot_be_read_leaves_the_rest(host: Host) -> None:
    host.hcl.write_text("server { raft_logstore { backned = 1 } }")
    found = seen(host, data_dir=str(host.data_dir))
    assert found.errors["configuration"].startswith(f"{host.hcl}:1:") and found.configuration_error_path == str(
        host.hcl
    )
    assert found.store is not None and found.store["state"] == "boltdb"


def test_a_store_that_cannot_be_looked_at(host: Host) -> None:
    host.raft_dir.rename(host.root / "elsewhere")
    host.raft_dir.symlink_to(host.root / "elsewhere")
    os.chown(host.raft_dir, 4711, 4711, follow_symlinks=False)
    assert "this is a symbolic link" in seen(host).errors["store"]


def test_a_server_with_acls_is_asked_for_the_tokens_rights(host: Host, server: AgentServer) -> None:
    server.play("agent_self-acl-agent_read", "acl-autopilot_health-unknown_token", "acl-transfer_noop-unknown_token")
    server.play("acl-autopilot_configuration-unknown_token", "acl-raft_configuration-operator_read")
    found = seen(host, token="5f0e0b1c-1111-2222-3333-0123456789ab")
    assert found.rights is not None
    assert [right.capability for right in found.rights.rights] == ["operator:read", "operator:write", "management"]
    assert set(found.errors) == {"raft_configuration", "autopilot", "autopilot_config"}
    assert "It needs a token with management" in found.errors["raft_configuration"]


def test_the_process_that_has_the_store_is_looked_at(host: Host) -> None:
    with running_agent(host.root, "-config", "nomad.d", store=host.raft_dir / "raft.db") as pid:
        found = seen(host)
        given = look(host.given(service_manager="command", data_dir=str(host.data_dir)), {}, host.systemctl)
    assert found.process is not None and found.process.pid == pid
    assert given.paths == (str(host.config_dir),), "-config of the process, against its directory"


def test_the_units_main_process_is_not_the_agent_where_another_has_the_store(host: Host) -> None:
    with running_agent(host.root) as main, running_agent(host.root, store=host.raft_dir / "raft.db") as pid:
        host.shown = host.shown.replace("MainPID=0", f"MainPID={main}")
        found = seen(host)
        assert found.process is not None and found.process.pid == pid
        host.shown = host.shown.replace(f"MainPID={main}", f"MainPID={pid}")
        assert seen(host).process == found.process


def test_arguments_that_only_systemd_reads_are_taken_from_the_process(host: Host) -> None:
    host.shown = host.shown.replace(f"-config {host.config_dir}", "-config $CONFIG")
    with running_agent(host.root, "-config", str(host.config_dir)) as pid:
        host.shown = host.shown.replace("MainPID=0", f"MainPID={pid}")
        assert seen(host).paths == (str(host.config_dir),)
    host.shown = host.shown.replace(f"MainPID={pid}", "MainPID=0")
    assert seen(host).paths == ()


def test_the_data_dir_of_the_command_line_where_the_configuration_has_none(host: Host) -> None:
    host.hcl.write_text("server { enabled = true }")
    with running_agent(host.root, "-data-dir", str(host.data_dir)) as pid:
        host.shown = host.shown.replace("MainPID=0", f"MainPID={pid}")
        found = seen(host, port=1)
    assert found.data_dir == str(host.data_dir) and found.store is not None


def test_the_segment_size_that_is_given_or_configured(host: Host) -> None:
    assert seen(host).segment_size == 64
    host.hcl.write_text(host.hcl.read_text() + "server { raft_logstore { wal { segment_size_mb = 8 } } }\n")
    assert seen(host).segment_size == 8
    assert seen(host, wal_segment_size=16).segment_size == 16


def test_a_connection_that_cannot_be_meant_is_an_error(host: Host) -> None:
    with pytest.raises(AgentError, match="host must be a name"):
        look(host.given(host="http://x"), {}, host.systemctl)
