# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not given is found out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Ran
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.subject import find


def test_a_packaged_host_needs_no_option(host: Any) -> None:
    shown = f"ExecStart={{ path=/usr/bin/nomad ; argv[]=/usr/bin/nomad agent -config {host.config} ; }}\nKillSignal=2\n"

    def systemctl(command: Sequence[str]) -> Ran:
        assert command[:2] == ["systemctl", "show"] and command[-1] == "nomad.service"
        return Ran(0, shown, "")

    given = {"service_manager": "systemd", "config_path": None, "data_dir": None, "host": None, "port": None}
    found = find(host.params(**given), {"NOMAD_ADDR": "http://10.9.9.9:1"}, systemctl)
    assert (found.paths, found.data_dir) == ((str(host.config),), f"{host.root}/data")
    assert found.connection.url == f"http://127.0.0.1:{host.api.port}"
    assert (found.configured, found.segment_mb, found.stop_signal) == ("boltdb", None, 2)


@pytest.mark.parametrize("given", ["-dev", "-config ${CONFIG}"])
def test_what_only_the_running_agent_knows_has_to_be_given(host: Any, given: str) -> None:
    def systemctl(_command: Sequence[str]) -> Ran:
        return Ran(0, f"ExecStart={{ argv[]=/usr/bin/nomad agent {given} ; }}\n", "")

    with pytest.raises(AgentError, match="Set config_path"):
        find(host.params(service_manager="systemd", config_path=None), {}, systemctl)


def test_what_is_given_counts(host: Any) -> None:
    found = host.subject(data_dir="/srv/nomad", host="127.0.0.9", port=1, use_ssl=True, token="s")
    assert (found.data_dir, found.connection.url) == ("/srv/nomad", "https://127.0.0.9:1")
    assert found.connection.token == "s"


def test_the_segment_size_is_the_given_one_else_the_configured_one(host: Any) -> None:
    assert host.subject().request("wal").wal_segment_size == 64
    (host.config / "wal.hcl").write_text('server { raft_logstore { backend = "wal" wal { segment_size_mb = 16 } } }')
    assert host.subject().request("wal").wal_segment_size == 16
    assert host.subject().wish("wal").wal_segment_size is None
    assert host.subject(wal_segment_size=8).request("wal").wal_segment_size == 8
    assert host.subject(wal_segment_size=8).wish("wal").wal_segment_size == 8
    assert host.subject(wal_segment_size=8).wish("boltdb").wal_segment_size is None


def test_where_the_log_is(host: Any) -> None:
    assert host.subject().log_source() is None
    assert host.subject(log_file="/l", status_command="s").log_source() == ("/l", "", "s")
