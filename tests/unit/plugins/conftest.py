# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for the tests of everything that asks an agent."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from support.agent_server import AgentServer


@pytest.fixture
def server() -> Iterator[AgentServer]:
    """An HTTP server that answers as a test tells it to."""
    running = AgentServer()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def no_nomad_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests must not depend on, or reach, the agent of the machine they run on."""
    for name in [name for name in os.environ if name.startswith("NOMAD_")]:
        monkeypatch.delenv(name)
