# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent is asked until the time is over, and each interval counts once."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import Connection
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ApiError
from ansible_collections.raftops.nomad.plugins.module_utils._measure.sampling import sample
from support.agent_server import AgentServer, as_json, plain
from support.metrics import bodies, intervals


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def client(server: AgentServer) -> Client:
    return Client(Connection(port=server.port))


@pytest.mark.parametrize(("seconds", "slept"), [(0, []), (4, [4]), (12, [5, 5, 2])])
def test_it_asks_often_enough_and_no_longer_than_it_was_told(
    server: AgentServer, seconds: float, slept: list[float]
) -> None:
    server.on("/v1/metrics", as_json(bodies("wal-leader")[0]))
    clock = Clock()
    assert sample(client(server), seconds, clock, clock.sleep) == intervals("wal-leader")[:1]
    assert clock.slept == slept and len(server.asked("/v1/metrics")) == len(slept) + 1


def test_of_an_interval_that_was_still_open_the_last_answer_counts(server: AgentServer) -> None:
    first, second, _third = bodies("wal-leader")
    young = {**first, "Samples": []}
    server.on("/v1/metrics", *map(as_json, (young, first, first, second)))
    clock = Clock()
    assert sample(client(server), 20, clock, clock.sleep) == intervals("wal-leader")[:2]


def test_an_agent_without_them_is_an_error(server: AgentServer) -> None:
    server.on("/v1/metrics", plain(404, "404 page not found"))
    with pytest.raises(ApiError, match="404 page not found"):
        sample(client(server), 10)
