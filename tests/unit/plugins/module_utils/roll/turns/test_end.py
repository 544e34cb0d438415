# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is proven at the end of a roll, and what is said then."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import Server
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.turn import Answered, Turn, turn
from support.rolls.servers import ME, three

ORDER = ("s1", "s2", "s3")
SO_FAR = Answered(group=ORDER, batch=("s1",), order=ORDER)


def at(servers: list[Server], host: str = "s1", options: Options = ME, so_far: Answered = SO_FAR) -> Turn:
    return turn(servers, host, options, so_far)


def test_settings_that_were_forgotten_are_told_once_they_were_asked_for() -> None:
    servers = three(s2={"settings": {"min_quorum": 0}})
    found = at(servers, so_far=SO_FAR._replace(settings={"min_quorum": 3}))
    assert found.end.forgets and "min_quorum was 0" in found.end.forgotten
    assert not at(servers).end.forgets and at(servers).end.forgotten == ""


def test_at_the_end_a_server_is_on_the_backend_or_it_is_said_where() -> None:
    read = {"running": "wal", "configured": "boltdb", "store": "wal"}
    assert at(three(s1=read)).end.on_backend.refusal == (
        "s1 is follower, runs on wal, is configured for boltdb and has a store in state wal."
    )
    assert "runs on nothing" in at(three(s1={**read, "running": ""})).end.on_backend.refusal
    assert not at(three(s1={**read, "todo": False})).end.on_backend.refused


@pytest.mark.parametrize(
    ("read", "stop_after", "refused"),
    [
        ({}, 1, False),
        ({}, 0, True),
        ({"done": True}, 1, True),
        ({"up": False}, 1, True),
        ({"interrupted": True}, 1, True),
        ({"configured": "wal"}, 1, True),
        ({"store": "both"}, 1, True),
    ],
)
def test_after_a_canary_the_others_are_in_order_where_they_were(
    read: dict[str, Any], stop_after: int, refused: bool
) -> None:
    found = at(three(s1=read), options=ME._replace(stop_after=stop_after))
    assert found.end.on_backend.refused is refused


TIDY: dict[str, Any] = {"running": "wal", "configured": "wal", "store": "wal"}


@pytest.mark.parametrize(
    ("read", "words"),
    [
        ({}, ""),
        ({"running": "boltdb", "configured": "boltdb", "store": "boltdb"}, ""),
        ({"up": False}, "s1 runs on wal"),
        ({"store": "both"}, "has a store in state both. Nothing is removed"),
        ({"running": "boltdb"}, "s1 runs on boltdb, is configured for wal and"),
        ({"configured": "boltdb"}, "is configured for boltdb"),
        ({"interrupted": True}, "in state wal, a conversion is unfinished. Nothing"),
        ({"hold": True}, "in state wal, and a roll has left its hold there. Nothing"),
        ({"running": "", "up": False}, "s1 runs on nothing"),
    ],
)
def test_old_stores_stay_until_a_server_is_in_order(read: dict[str, Any], words: str) -> None:
    gate = at(three(s1={**TIDY, **read})).end.tidy
    assert gate.refused is bool(words) and words in gate.refusal
    assert not words or gate.refusal.endswith("Run the roll to its end first.")


def test_old_stores_are_asked_about_where_any_would_go() -> None:
    old = {"removed": ["raft.db.migrated.1"], "kept": [], "state": "wal", "freed_bytes": 5}
    assert at(three(s2={"old_stores": old})).end.old == ["s2"] and at(three(s2={"old_stores": old})).end.has_old
    assert not at(three(s2={"old_stores": {**old, "removed": []}})).end.has_old
