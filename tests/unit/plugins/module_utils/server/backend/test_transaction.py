# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole transactions against an API that says what it is told to: in order, and after each failure."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal.scratch import SCRATCH
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearse import Wish, rehearse
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
    assert "ended with exit code 1" in answer["msg"] and "server_backend with state=returned" in answer["msg"]


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


def test_a_store_is_copied_and_the_server_stays_as_it_is(host: Any) -> None:
    before, configured = listing(host.raft), host.configuration()
    answer = transaction.carry_out(host.work(state="copied", backend="boltdb"))
    assert not answer.get("failed"), answer
    assert (answer["backend"], answer["returned"], answer["conversion"]) == ("boltdb", False, None)
    assert set(answer["phases"]) == {"stop", "copying", "start", "rejoin", "total"}
    assert host.ran == [["/bin/true", "stop"], ["/bin/true", "start"]]
    assert (listing(host.raft), host.configuration()) == (before, configured)
    done = rehearse(Wish(str(host.raft), copied=True))
    assert done.rehearsed and done.method == "copy"
    assert (listing(host.raft), (host.raft.parent / SCRATCH).exists()) == (before, False)


def test_a_copy_that_fails_does_not_leave_the_server_down(host: Any) -> None:
    before, configured = listing(host.raft), host.configuration()
    strange = host.raft.parent / SCRATCH
    strange.mkdir(0o700)
    (strange / "somebody's").touch()
    answer = transaction.carry_out(host.work(state="copied", backend="boltdb"))
    assert answer["failed"] and (answer["step"], answer["left"]) == ("copying", "put_back"), answer
    assert (
        "no rehearsal or measurement leaves such a thing" in answer["msg"]
        and "It is back in the cluster as it was." in answer["msg"]
    )
    assert host.ran[-1] == ["/bin/true", "start"] and (strange / "somebody's").exists()
    assert (listing(host.raft), host.configuration(), answer["backend"]) == (before, configured, "boltdb")


def test_a_server_that_is_not_back_after_a_copy_is_not_converted(host: Any, tmp_path: Path) -> None:
    """It has the store that it had: there is no way back but to wait for it once more. Its log then has more to say."""
    before, log = listing(host.raft), tmp_path / "nomad.log"
    log.write_text("at the failure\n")
    work = host.work(state="copied", backend="boltdb", wait_timeout=1, log_file=str(log))

    def tell(step: str, *_numbers: int) -> None:
        host.tell(step)
        if step == "former configuration":
            log.write_text(log.read_text() + "on the way back\n")
        if step == "start":
            work.client.connection = work.client.connection._replace(port=9)  # nobody listens at the discard port

    work.tell = tell
    answer = transaction.carry_out(work)
    assert answer["failed"] and (answer["step"], answer["left"]) == ("rejoin", "unswitched"), answer
    assert answer["again"] and listing(host.raft) == before
    assert answer["log_end"] == ["at the failure", "on the way back"]
