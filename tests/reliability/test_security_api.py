# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of a malicious API: each call ends in a sentence, in time, and the token goes nowhere else."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.answers import parse_autopilot_config
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import MAX_ANSWER_LEN, Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import Connection
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ApiError
from support.agent_server import AgentServer, Answer
from support.recordings import recording

TOKEN = "5f0e0b1c-1111-2222-3333-0123456789ab"
TIMEOUT_S = 3.0
CONFIG = parse_autopilot_config(recording("autopilot_configuration")["body"])


def snapshot(client: Client) -> object:
    return client.snapshot(True, lambda _piece: None, time.monotonic() + TIMEOUT_S)


CALLS: dict[tuple[str, str], Callable[[Client], object]] = {
    ("GET", "/v1/agent/self"): lambda client: client.agent_self(),
    ("GET", "/v1/operator/autopilot/health"): lambda client: client.autopilot_health(),
    ("GET", "/v1/operator/autopilot/configuration"): lambda client: client.autopilot_config(),
    ("PUT", "/v1/operator/autopilot/configuration"): lambda client: client.set_autopilot_config(CONFIG),
    ("GET", "/v1/status/leader"): lambda client: client.leader(),
    ("PUT", "/v1/operator/raft/transfer-leadership"): lambda client: client.transfer_leadership("x"),
    ("GET", "/v1/operator/snapshot"): snapshot,
}
VALUES = (
    "null", "true", "0", "-1", "1e999", "NaN", '""', '"x"', "[]", "{}", "[[]]", '[{"ID": {}}]', '{"ID": []}', "1.5",
    "9" * 40, '"' + "x" * 100_000 + '"', "[" * 100_000, '{"a":' * 50_000, '"\\ud800"', '"\\u0000"',
)  # fmt: skip
FIELDS = (
    "Servers", "Voters", "Healthy", "FailureTolerance", "Leader", "member", "config", "stats", "Err", "From", "To",
    "Noop", "CleanupDeadServers", "ModifyIndex",
)  # fmt: skip


@pytest.fixture(autouse=True)
def small_units() -> None:
    """The product's own sizes."""


@pytest.fixture
def servers() -> Iterator[tuple[AgentServer, AgentServer]]:
    """The agent, and a stranger at another port."""
    made = AgentServer(), AgentServer()
    yield made
    for server in made:
        server.close()


def ends_well(server: AgentServer, call: Callable[[Client], object], answer: Answer, key: tuple[str, str]) -> str:
    """The sentence of the error, or "" for a value; fails when it took too long or shows the token."""
    server.on(key[1], answer, method=key[0])
    started = time.monotonic()
    said = ""
    try:
        call(Client(Connection(port=server.port, timeout_s=TIMEOUT_S, token=TOKEN)))
    except ApiError as error:
        said = str(error)
    assert time.monotonic() - started < 3 * TIMEOUT_S
    assert TOKEN not in said and len(said) < 2000 and said.isprintable()
    return said


@pytest.mark.parametrize("key", CALLS, ids=" ".join)
def test_values_of_any_type_are_taken_or_refused(
    key: tuple[str, str], servers: tuple[AgentServer, AgentServer], cover: Callable[..., None]
) -> None:
    for value in VALUES:
        for text in (value, *(f'{{"{field}": {value}}}' for field in FIELDS if len(value) < 1000)):
            ends_well(servers[0], CALLS[key], Answer(200, {"Content-Type": "application/json"}, text.encode()), key)
            cover("hostile answers of an API, each taken or refused in time")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("key", CALLS, ids=" ".join)
def test_nobody_is_redirected(
    key: tuple[str, str], status: int, servers: tuple[AgentServer, AgentServer], cover: Callable[..., None]
) -> None:
    """To another path, another port and another host by name: the stranger never sees a request, nor a token."""
    agent, stranger = servers
    for target in (f"http://127.0.0.1:{stranger.port}", f"http://localhost:{stranger.port}", "", "//evil.example:1"):
        said = ends_well(agent, CALLS[key], Answer(status, {"Location": target + "/v1/elsewhere"}, b"moved"), key)
        assert str(status) in said
        cover("redirections of an API, none followed")
    assert stranger.seen == []
    assert {seen.path.split("?")[0] for seen in agent.seen} == {key[1]}


@pytest.mark.parametrize("key", CALLS, ids=" ".join)
def test_huge_answers_take_little_memory(key: tuple[str, str], servers: tuple[AgentServer, AgentServer]) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"[" * (1 << 18)

    tracemalloc.start()
    said = ends_well(servers[0], CALLS[key], Answer(200, {}, chunks=endless), key)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert said, "an endless answer has come to an end"
    assert peak < MAX_ANSWER_LEN * 4


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "-5"}, {"Content-Length": "99999999999999999999"}, {"Content-Length": "x"},
        {"Transfer-Encoding": "gzip, chunked"}, {"Content-Encoding": "gzip"}, {"X": "y" * 70_000},
        {f"X-{number}": "y" for number in range(200)}, {"Digest": "sha-256=" + TOKEN}, {"Set-Cookie": "a=b"},
    ],
    ids=range(9),
)  # fmt: skip
def test_odd_headers_do_no_harm(
    headers: dict[str, str], servers: tuple[AgentServer, AgentServer], cover: Callable[..., None]
) -> None:
    for key, call in CALLS.items():
        ends_well(servers[0], call, Answer(200, headers, b"{}"), key)
        cover("hostile answers of an API, each taken or refused in time")
