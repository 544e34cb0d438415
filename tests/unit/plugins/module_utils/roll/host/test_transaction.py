# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps, in which order, and what keeps them from being begun."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host import transaction
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.transaction import Note, Obstacles, Seen

NOTE = Note("1", 812, "controller-1", "2026-11-22T13:20:35Z", "wal", "present", True)


@pytest.mark.parametrize(
    "state, backend, order",
    [
        ("present", "wal", "last look, stop, configuration, conversion, start, rejoin, log"),
        ("present", "boltdb", "last look, stop, conversion, configuration, start, rejoin, log"),
        ("returned", "wal", "last look, stop, conversion, configuration, start, rejoin"),
        ("returned", "boltdb", "last look, stop, configuration, conversion, start, rejoin"),
        ("copied", "boltdb", "last look, stop, copying, start, rejoin, log"),
        ("copied", "wal", "last look, stop, copying, start, rejoin, log"),
    ],
)
def test_the_configuration_never_names_boltdb_while_there_is_no_raft_db(state: str, backend: str, order: str) -> None:
    assert ", ".join(transaction.steps(state, backend)) == order


@pytest.mark.parametrize("backend", ["wal", "boltdb"])
def test_the_way_back_has_the_same_order(backend: str) -> None:
    back, forward = transaction.BACK[backend], transaction.FORWARD[backend]
    assert [{"former configuration": "configuration"}.get(step, step) for step in back] == list(forward[1:-1])


def test_each_step_has_a_sentence() -> None:
    assert transaction.sentences("present", "wal")[2:4] == ["configure wal", "convert the store to wal"]
    assert transaction.sentences("returned", "wal")[2:4] == ["convert the store to boltdb", "configure boltdb"]


@pytest.mark.parametrize("backend", ["wal", "boltdb"])
def test_a_copy_leads_nowhere(backend: str) -> None:
    """The store is where it was, whatever fails: on the other one than the backend that a failure is judged by."""
    assert transaction.goal("copied", backend) == backend
    assert transaction.away("copied", backend) == transaction.OTHER[backend]
    assert transaction.away("present", backend) == transaction.goal("present", backend) == backend
    assert transaction.away("returned", backend) == transaction.goal("returned", backend)


def test_only_a_settled_server_is_copied() -> None:
    settled = Seen("wal", "wal", "wal", False)
    assert transaction.not_to_be_copied(settled, "wal", "") == []
    assert transaction.not_to_be_copied(settled, "wal", "No space.") == ["its store cannot be rehearsed: No space"]
    for seen in (settled._replace(running=""), settled._replace(interrupted=True), settled._replace(stored="boltdb")):
        (told,) = transaction.not_to_be_copied(seen, "wal", "")
        assert "not wholly on wal" in told


@pytest.mark.parametrize(
    "seen, done",
    [
        (Seen("wal", "wal", "wal", False), True),
        (Seen("wal", "wal", "wal", True), False),
        (Seen("", "wal", "wal", False), False),
        (Seen("boltdb", "wal", "wal", False), False),
        (Seen("wal", "boltdb", "wal", False), False),
        (Seen("wal", "wal", None, False), False),
    ],
)
def test_there_is_nothing_to_do_only_where_all_three_agree(seen: Seen, done: bool) -> None:
    assert transaction.is_done(seen, "wal") is done


@pytest.mark.parametrize(
    "found, told",
    [
        (Obstacles(), ""),
        (Obstacles(missing_commands=("stop_command", "start_command")), "give stop_command, start_command"),
        (Obstacles(leave_on_interrupt=True, stop_signal=15), ""),
        (Obstacles(leave_on_interrupt=True, stop_signal=2), "leave_on_interrupt is true"),
        (Obstacles(leave_on_interrupt=True), "leave_on_interrupt is true"),
        (Obstacles(leave_on_terminate=True, stop_signal=2), ""),
        (Obstacles(leave_on_terminate=True, stop_signal=15), "leave_on_terminate is true"),
        (Obstacles(silent="no answer. "), "its agent does not answer, and is not known to be stopped: no answer"),
        (Obstacles(wait_s=(10, 10)), "it could never be back in time: stable_for is 10 s and wait_timeout 10 s"),
        (Obstacles(wait_s=(9.5, 10)), ""),
        (Obstacles(refusal="the log has a hole."), "its store cannot be brought to wal: the log has a hole"),
    ],
)
def test_what_keeps_a_server_from_being_stopped(found: Obstacles, told: str) -> None:
    sentences = transaction.obstacles(found, "wal")
    assert len(sentences) == bool(told) and told in "".join(sentences)


@pytest.mark.parametrize(
    "backend, state, may",
    [
        ("wal", "present", True),
        ("boltdb", "returned", True),
        ("boltdb", "present", False),
        ("wal", "returned", False),
        ("wal", "copied", False),
    ],
)
def test_who_wants_the_same_end_may_attach(backend: str, state: str, may: bool) -> None:
    told = transaction.other_wish(NOTE, backend, state)
    assert (told == "") is may
    assert may or "process 812 has been bringing it to wal for controller-1 since 2026-11-22T13:20:35Z" in told


@pytest.mark.parametrize(
    "note, answer, told",
    [
        (None, None, ""),
        (NOTE._replace(begun=False), None, ""),
        (NOTE, None, "ended before it was done, while stopping its agent."),
        (
            NOTE,
            {"failed": True, "msg": "Waiting until it is back: not back."},
            "to wal, has failed: Waiting until it is back: not back.",
        ),
        (NOTE, {"changed": True}, "was interrupted, and its own host finished it: the server is back."),
        (
            NOTE._replace(state="copied"),
            {"changed": True},
            "to copy its store, was interrupted, and its own host finished it: the server is back.",
        ),
    ],
)
def test_what_is_said_of_a_run_that_nobody_has_heard_of(note: Note | None, answer: Any, told: str) -> None:
    sentence = transaction.earlier(note, answer, "stop")
    assert told in sentence and bool(sentence) == bool(told)
