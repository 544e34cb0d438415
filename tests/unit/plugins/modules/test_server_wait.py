# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_wait: options to conditions, modes, results; the conditions themselves are in test_health."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.modules import server_wait
from support.agent_server import AgentServer, as_json, plain, recorded
from support.recordings import recording
from support.run_module import documented, run

S1, S2 = "e93eaec1-b82a-bf92-f2a5-79d404511e21", "1e70156a-c6aa-01a1-ba14-e2df5513ced6"
ALL = [S1, S2, "0c36f51e-b2bb-1b17-949f-a5a934efe5a8"]
QUICK = {"stable_for": 0.2, "interval": 0.05, "wait_timeout": 3}


@pytest.fixture
def follower(server: AgentServer) -> AgentServer:
    """s2 on boltdb, in a healthy cluster."""
    body: dict[str, Any] = copy.deepcopy(recording("agent_self-follower-boltdb-after-return")["body"])
    body["stats"]["raft"].update(applied_index="15", commit_index="15")
    server.on("/v1/agent/self", as_json(body))
    server.play("autopilot_health-healthy")
    return server


def test_back_and_what_it_documents(follower: AgentServer) -> None:
    before = {"server_id": S2, "backend": "boltdb", "voters": ALL, "failure_tolerance": 1}
    result = run(server_wait, port=follower.port, **before, **QUICK)
    assert set(result) == documented(server_wait) | {"changed"}
    assert (result["satisfied"], result["waited"], result["changed"]) == (True, True, False)
    assert result["looks"] > 2 and result["elapsed"] >= 0.2
    assert "s2.global runs on boltdb" in result["reason"]


def test_it_waits_through_the_errors_of_a_start(follower: AgentServer) -> None:
    ready = follower.answers["GET", "/v1/agent/self"]
    refusals = [plain(500, "No cluster leader"), recorded("acl-agent_self-valid_token-just_restarted")]
    follower.on("/v1/agent/self", *refusals, *ready)  # type: ignore[misc]
    assert run(server_wait, port=follower.port, **QUICK)["satisfied"]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"backend": "wal"}, "runs on boltdb, not on wal"),
        ({"voters": [S1]}, "not the expected ones"),
        ({"failure_tolerance": 2}, "the failure tolerance is 1, it was 2"),
        ({"until": "stoppable", "min_failure_tolerance": 2}, "not 2 or more"),
        ({"until": "healthy", "voters": [S1]}, "not the expected ones"),
        ({"until": "serving", "backend": "wal"}, "not on wal"),
    ],
)
def test_what_is_missing_is_the_message(follower: AgentServer, option: dict[str, Any], words: str) -> None:
    result = run(server_wait, port=follower.port, **{**QUICK, "wait_timeout": 0, **option})
    assert result["failed"] and not result["satisfied"] and not result["waited"]
    assert result["msg"].startswith(f"Not {option.get('until', 'back')}: ") and words in result["msg"]
    assert result["observation"]["autopilot"]["voters"] == sorted(ALL)


def test_a_wait_that_was_too_short_tells_how_long_it_was(follower: AgentServer) -> None:
    result = run(server_wait, port=follower.port, wait_timeout=1, interval=0.1, stable_for=60)
    assert result["msg"].startswith("Not back after 1 s: ") and "of 60 seconds in a row" in result["msg"]


def test_a_wrong_server_is_not_waited_for(follower: AgentServer) -> None:
    result = run(server_wait, port=follower.port, server_id=S1, wait_timeout=300)
    assert result["failed"] and result["looks"] == 1 and "check host and port" in result["msg"]


def test_check_mode_looks_once_and_never_fails(follower: AgentServer) -> None:
    for backend, satisfied in (("wal", False), ("boltdb", True)):
        result = run(server_wait, port=follower.port, backend=backend, check_mode=True)
        assert (result["satisfied"], result["waited"], result["looks"]) == (satisfied, False, 1)
        assert "failed" not in result
    down = run(server_wait, port=1, check_mode=True)
    assert not down["satisfied"] and "no answer" in down["observation"]["agent_error"]


def test_a_repair_needs_to_know_which_server(server: AgentServer) -> None:
    server.play("autopilot_health-one_removed")
    given = run(server_wait, port=server.port, until="stoppable", repair=True, server_id=S2, wait_timeout=0)
    assert given["satisfied"] and given["observation"]["agent"] is None
    assert "server_id" in run(server_wait, port=server.port, until="stoppable", repair=True)["msg"]
    assert "until=stoppable" in run(server_wait, port=server.port, repair=True, server_id=S2)["msg"]
    assert "interval" in run(server_wait, port=server.port, interval=0)["msg"]
