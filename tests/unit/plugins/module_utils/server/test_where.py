# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a server's API and data are: what is given counts, then the configuration, never the environment."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._server.where import connection, data_dir_of
from support.member import CONNECTION

CONFIGURED = {"http_host": "10.0.0.1", "http_port": 14646, "use_ssl": True}


@pytest.mark.parametrize(
    "given, agent, url",
    [
        ({}, {}, "https://10.0.0.1:14646"),
        ({}, {"http_host": ""}, "https://127.0.0.1:14646"),
        ({"host": "10.0.0.2", "port": 2, "use_ssl": False}, {}, "http://10.0.0.2:2"),
    ],
)
def test_as_given_else_as_configured(given: dict[str, Any], agent: dict[str, Any], url: str) -> None:
    params = {**CONNECTION, "timeout": 10, "token": None, **given}
    assert connection(params, {**CONFIGURED, **agent}, {"NOMAD_ADDR": "http://10.9.9.9:1"}).url == url


@pytest.mark.parametrize("raft_dir", ["/opt/nomad/server/raft", "/opt/nomad/raft"])
def test_the_data_dir_above(raft_dir: str) -> None:
    assert data_dir_of(raft_dir) == "/opt/nomad" and data_dir_of("") == ""
