# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole transactions against an API that says what it is told to: in order, and after each failure."""

from __future__ import annotations

import fcntl
import os
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend import transaction
from support.stores.builder import listing


def store(host: Any) -> str:
    return "wal" if (host.raft / "raft.db").is_symlink() else "boltdb"


def test_there_and_back(host: Any) -> None:
    for backend in ("wal", "boltdb"):
        answer = transaction.carry_out(host.work(backend=backend))
        assert not answer.get("failed"), answer
        assert (answer["backend"], store(host), answer["returned"]) == (backend, backend, False)
        assert answer["conversion"]["verified"] > 0 and answer["configuration"]["backend"] == backend
        assert sum(answer["phases"].values()) <= 2 * answer["phases"]["total"] + 0.01
    assert host.ran == [["/bin/true", "stop"], ["/bin/true", "start"]] * 2


def test_returned_when_asked(host: Any) -> None:
    before = host.configuration()
    assert not transaction.carry_out(host.work()).get("failed")
    answer = transaction.carry_out(host.work(state="returned"))
    assert (answer["returned"], answer["backend"], store(host)) == (True, "boltdb", "boltdb")
    assert host.configuration() == before


def test_refused_before_anything_is_done(host: Any) -> None:
    before = (listing(host.raft), host.configuration())
    answer = transaction.carry_out(host.work(min_failure_tolerance=2, gate_timeout=0))
    assert answer["failed"] and (answer["left"], answer["changed"], answer["step"]) == ("untouched", False, "last look")
    assert (listing(host.raft), host.configuration()) == before and host.ran == []


@pytest.mark.parametrize("backend", ["wal", "boltdb"])
def test_a_conversion_that_fails_is_put_back(host: Any, backend: str) -> None:
    if backend == "boltdb":
        assert not transaction.carry_out(host.work()).get("failed")
    before, was = host.configuration(), store(host)
    fd = os.open(host.raft, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    answer = transaction.carry_out(host.work(backend=backend, lock_timeout=0))
    os.close(fd)
    assert answer["failed"] and (answer["step"], answer["left"]) == ("conversion", "put_back"), answer
    assert (host.configuration(), store(host)) == (before, was) and host.ran[-1] == ["/bin/true", "start"]


def test_a_start_that_fails_while_the_agent_answers_leaves_it(host: Any) -> None:
    answer = transaction.carry_out(host.work(start_command="fail"))
    assert answer["failed"] and (answer["step"], answer["left"], store(host)) == ("start", "running", "wal"), answer
    assert "ended with exit code 1" in answer["msg"] and "run it with state=returned" in answer["msg"]


def test_down_on_the_new_backend_is_converted_back(host: Any) -> None:
    before = host.configuration()
    work = host.work(wait_timeout=1)
    port = work.client.connection.port

    def tell(step: str, *_numbers: int) -> None:
        host.tell(step)
        down = (step in ("start", "rejoin") and store(host) == "wal") or step in ("former configuration",)
        connection = work.client.connection._replace(port=9 if down else port)  # nobody listens at the discard port
        work.client.connection = connection

    work.tell = tell
    answer = transaction.carry_out(work)
    assert answer["failed"] and (answer["step"], answer["left"]) == ("rejoin", "returned"), answer
    assert (answer["returned"], answer["backend"], store(host)) == (True, "boltdb", "boltdb")
    assert host.configuration() == before and "converted back to boltdb" in answer["msg"]


def test_without_leave_it_is_left(host: Any) -> None:
    fd = os.open(host.raft, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    answer = transaction.carry_out(host.work(lock_timeout=0, return_on_failure=False))
    os.close(fd)
    assert answer["failed"] and answer["left"] == "unswitched" and host.ran == [["/bin/true", "stop"]]
    assert "raft_logstore.hcl" in host.configuration()


def test_a_bug_does_not_leave_it_down(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_work: Any) -> None:
        raise KeyError("spam")

    monkeypatch.setitem(transaction.STEPS, "conversion", broken)
    before = host.configuration()
    answer = transaction.carry_out(host.work())
    assert answer["failed"] and answer["left"] == "put_back" and "please report it: KeyError('spam')" in answer["msg"]
    assert host.configuration() == before and host.ran[-1] == ["/bin/true", "start"]
