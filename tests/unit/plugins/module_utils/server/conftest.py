# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server of a cluster for each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.agent_server import AgentServer
from support.member import Host


@pytest.fixture
def host(tmp_path: Path, server: AgentServer) -> Host:
    return Host(tmp_path, server)
