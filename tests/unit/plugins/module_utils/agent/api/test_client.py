# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against a real HTTP server: recorded answers of Nomad, hostile answers, errors as sentences, the token."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import Connection
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import (
    ApiError,
    BadAnswer,
    Denied,
    Failed,
    NoLeader,
    Unreachable,
)
from support.agent_server import AgentServer, Answer, as_json, plain, recorded
from support.paths import ANSWERS

TOKEN = "5f0e0b1c-1111-2222-3333-0123456789ab"
HEALTH, CONFIG = "/v1/operator/autopilot/health", "/v1/operator/autopilot/configuration"


@pytest.fixture
def client(server: AgentServer) -> Client:
    return Client(Connection(port=server.port, timeout_s=2.0, token=TOKEN))


def test_the_recorded_answers_are_understood(server: AgentServer, client: Client) -> None:
    server.play("agent_self-leader-boltdb", "autopilot_health-healthy", "autopilot_configuration", "status_leader")
    server.play("transfer-ok-id")
    agent = client.agent_self()
    assert (agent.id, agent.state, agent.backend) == ("e93eaec1-b82a-bf92-f2a5-79d404511e21", "Leader", "boltdb")
    assert client.autopilot_health()[0] == 200
    assert client.autopilot_config().modify_index == 4
    assert client.leader() == "127.0.0.11:4647"
    moved = client.transfer_leadership("1e70156a-c6aa-01a1-ba14-e2df5513ced6")
    assert moved == ("e93eaec1-b82a-bf92-f2a5-79d404511e21", "1e70156a-c6aa-01a1-ba14-e2df5513ced6", False)


def test_health_is_read_from_a_429_that_claims_to_be_text(server: AgentServer, client: Client) -> None:
    server.play("autopilot_health-one_failed")
    status, autopilot = client.autopilot_health()
    assert status == 429
    assert [(one.name, one.serf_status, one.healthy) for one in autopilot.servers] == [
        ("s1.global", "alive", True),
        ("s2.global", "left", False),
        ("s3.global", "alive", True),
    ]


def test_a_429_of_the_connection_limit_is_no_health(server: AgentServer, client: Client) -> None:
    server.on(HEALTH, plain(429, "Your client is opening too many connections"))
    with pytest.raises(Failed, match="http_max_conns_per_client"):
        client.autopilot_health()


def test_a_refused_compare_and_set_is_false_with_status_200(server: AgentServer, client: Client) -> None:
    server.play("autopilot_configuration", "autopilot_configuration-put-cas-stale")
    config = client.autopilot_config()
    assert client.set_autopilot_config(config.changed({"cleanup_dead_servers": False})) is False
    sent = server.seen[-1]
    assert sent.path == f"{CONFIG}?cas=4"
    assert json.loads(sent.body)["CleanupDeadServers"] is False
    assert json.loads(sent.body)["LastContactThreshold"] == "200ms"  # a PUT replaces everything


@pytest.mark.parametrize(
    ("case", "kind", "words"),
    [
        ("status_leader-no_leader", NoLeader, ["No cluster leader", "500"]),
        ("acl-agent_self-no_token", Denied, ["Permission denied", "403", "agent:read"]),
        ("acl-agent_self-not_a_uuid", Failed, ["500"]),
        ("acl-autopilot_health-unknown_token", Denied, ["operator:read"]),
        ("autopilot_health-no_leader", NoLeader, ["No cluster leader"]),
        ("acl-autopilot_configuration_put-operator_read", Denied, ["operator:write"]),
        ("acl-transfer_noop-operator_read", Denied, ["management"]),
        ("transfer-to_stopped", Failed, ["failed to transfer leadership in 3 attempts"]),
        ("transfer-unknown-id", Failed, ["was not found in the Raft configuration", "400"]),
    ],
)
def test_recorded_refusals_are_typed_and_say_what_to_do(
    server: AgentServer, client: Client, case: str, kind: type[ApiError], words: list[str]
) -> None:
    server.play(case)
    server.play("autopilot_configuration") if "put" in case else None
    with pytest.raises(kind) as raised:
        call(client, server.answers and next(iter(server.answers)))
    for word in [*words, client.url]:
        assert word in str(raised.value)
    assert TOKEN not in str(raised.value)


def call(client: Client, request: Any) -> object:
    """The client's call for a recorded request."""
    method, path = request
    if path.endswith("transfer-leadership"):
        return client.transfer_leadership("x")
    if path == CONFIG and method == "PUT":
        return client.set_autopilot_config(client.autopilot_config())
    calls = {"/v1/status/leader": client.leader, "/v1/agent/self": client.agent_self, HEALTH: client.autopilot_health}
    return calls[path]()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"{}",
        b"[" * 100_000,
        b'{"Healthy": true, "FailureTolerance": NaN}',
        b'{"Healthy": true, "FailureTolerance": ' + b"9" * 5000 + b"}",
        b'{"Healthy": "yes", "FailureTolerance": 1}',
        b'{"Healthy": true, "FailureTolerance": true}',
        b'{"Healthy": true, "FailureTolerance": 1, "Servers": [1]}',
        b'{"Healthy": true, "FailureTolerance": 1, "Servers": {"ID": "x"}}',
        b'{"Healthy": true, "FailureTolerance": 1, "Servers": [{"Name": "no id"}]}',
        b'{"Healthy": true, "FailureTolerance": 1, "Voters": [null]}',
        b"<html><body>a proxy</body></html>",
    ],
    ids=range(17),
)
def test_what_is_not_nomads_is_a_sentence(server: AgentServer, client: Client, body: bytes) -> None:
    server.on(HEALTH, Answer(200, {"Content-Type": "application/json"}, body))
    with pytest.raises(BadAnswer, match="unexpected answer"):
        client.autopilot_health()


def test_an_endless_answer_is_cut_off(server: AgentServer, client: Client) -> None:
    def forever() -> Iterator[bytes]:
        while True:
            yield b" " * (1 << 20)

    server.on(HEALTH, Answer(200, {}, chunks=forever))
    with pytest.raises(BadAnswer, match="longer than"):
        client.autopilot_health()


def test_a_dripping_answer_ends_with_the_timeout(server: AgentServer) -> None:
    def drip() -> Iterator[bytes]:
        while True:
            yield b" "
            time.sleep(0.05)

    server.on(HEALTH, Answer(200, {}, chunks=drip))
    start = time.monotonic()
    with pytest.raises(Unreachable, match=r"timed out.*raise timeout"):
        Client(Connection(port=server.port, timeout_s=1.0)).autopilot_health()
    assert time.monotonic() - start < 5


def test_a_short_answer_is_noticed(server: AgentServer, client: Client) -> None:
    server.on(HEALTH, Answer(200, {"Content-Length": "5000"}, b"{}"))
    with pytest.raises(Unreachable):
        client.autopilot_health()


def test_nobody_there_and_nobody_answering() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        with pytest.raises(Unreachable, match=r"refused.*Check that the agent runs"):
            Client(Connection(port=port)).agent_self()
        listening.listen()
        with pytest.raises(Unreachable, match=r"timed out.*raise timeout"):
            Client(Connection(port=port, timeout_s=0.2)).agent_self()


def test_what_is_no_http_is_a_sentence() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def answer() -> None:
            peer = listening.accept()[0]
            peer.recv(1000)
            peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 1000)
            peer.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Unreachable, match="no answer"):
            Client(Connection(port=listening.getsockname()[1], timeout_s=2.0)).agent_self()
        thread.join()


def test_the_token_goes_into_its_header_and_nowhere_else(server: AgentServer, client: Client) -> None:
    server.on("/v1/status/leader", plain(500, f"your token {TOKEN} is odd"))
    with pytest.raises(Failed) as raised:
        client.leader()
    assert TOKEN not in str(raised.value) and "TOKEN is odd" in str(raised.value)
    assert server.seen[0].headers["X-Nomad-Token"] == TOKEN
    assert TOKEN not in server.seen[0].path


def test_a_redirect_is_not_followed(server: AgentServer, client: Client) -> None:
    server.on("/v1/status/leader", Answer(302, {"Location": f"http://127.0.0.1:{server.port}/elsewhere"}, b"away"))
    with pytest.raises(Failed, match="302"):
        client.leader()
    assert [seen.path for seen in server.seen] == ["/v1/status/leader"]


def test_proxies_and_netrc_are_ignored(
    server: AgentServer, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password hidden\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.play("status_leader")
    assert client.leader() == "127.0.0.11:4647"
    assert "Authorization" not in server.seen[0].headers


def test_the_region_is_asked_for(server: AgentServer) -> None:
    server.play("status_leader")
    Client(Connection(port=server.port, region="eu west")).leader()
    assert server.seen[0].path == "/v1/status/leader?region=eu+west"


def test_a_snapshot_is_streamed_in_pieces(server: AgentServer, client: Client) -> None:
    pieces: list[bytes] = []
    sent = Answer(200, {"Digest": "sha-256=abc="}, chunks=lambda: iter([b"a" * 100_000, b"b" * 100_000]))
    server.on("/v1/operator/snapshot", sent)
    assert client.snapshot(True, pieces.append, time.monotonic() + 10) == "sha-256=abc="
    assert b"".join(pieces) == b"a" * 100_000 + b"b" * 100_000 and len(pieces) > 1
    assert server.seen[0].path == "/v1/operator/snapshot?stale="


def test_a_refused_snapshot_names_the_capability(server: AgentServer, client: Client) -> None:
    server.play("acl-snapshot-operator_read")
    with pytest.raises(Denied, match="snapshot-save"):
        client.snapshot(False, lambda piece: None, time.monotonic() + 10)


def test_a_moved_leadership_without_ids_is_no_answer(server: AgentServer, client: Client) -> None:
    server.on(
        "/v1/operator/raft/transfer-leadership",
        as_json({"Err": {}, "From": {"ID": "a"}, "To": {"ID": "b"}, "Noop": False}),
        as_json({"Err": None, "From": None, "To": {"ID": "b"}, "Noop": False}),
        as_json([]),
        method="PUT",
    )
    for _answer in range(3):
        with pytest.raises(BadAnswer):
            client.transfer_leadership("b")


def test_all_recordings_end_in_a_value_or_an_api_error(server: AgentServer, client: Client) -> None:
    """Whatever is answered where, nothing but ApiError comes out."""
    cases = [path.stem for path in sorted(ANSWERS.glob("*.json"))]
    assert len(cases) > 100
    for case in cases:
        for path in ("/v1/agent/self", HEALTH, CONFIG, "/v1/status/leader"):
            server.on(path, recorded(case))
        for ask in (client.agent_self, client.autopilot_health, client.autopilot_config, client.leader):
            try:
                ask()
            except ApiError as error:
                assert client.url in str(error)


def test_the_tls_options_are_checked_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"cannot set up TLS: ca_path \S+/absent.pem: No such file.*Check ca_path"):
        Client(Connection(use_ssl=True, ca_path=str(tmp_path / "absent.pem")))
