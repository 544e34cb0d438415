# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role does and says about a server that failed, and about the hold that stays then. Rendered by Ansible."""

from __future__ import annotations

from typing import Any

import pytest
from support.role import server, tasks, templar, three, value


def left_behind(wanted: str, state: str, backend: str | None, in_use: bool, **more: Any) -> dict[str, Any]:
    """What diagnostics.yml leaves of a server that failed on its way to a backend."""
    return {
        "raft_logstore_backend": wanted,
        "raft_logstore_store_after": {"raft_store": {"state": state, "backend": backend, "in_use": in_use}},
        "raft_logstore_agent_after": {"answered": False},
        "raft_logstore_stopped": True,
        "raft_logstore_server": {"up": False},
        "raft_logstore_failed": {"task": "Start the agent", "message": "no"},
        **more,
    }


@pytest.mark.parametrize(
    ("state", "backend", "in_use", "to_wal", "to_boltdb"),
    [
        ("boltdb", "boltdb", False, "unswitched", "down"),
        ("boltdb", "boltdb", True, "unswitched", "down"),  # to wal: the stop failed, it runs on its old store
        ("both", "boltdb", False, "unswitched", "down"),
        ("both", None, False, "unknown", "unknown"),  # wal/ holds what raft.db holds, and may hold more
        ("both", "boltdb", True, "unknown", "unknown"),  # nobody has compared the two
        ("wal", "wal", False, "down", "unswitched"),
        ("wal", "wal", True, "down", "unswitched"),
        ("forked", None, False, "unknown", "unknown"),
    ],
)
def test_what_is_done_about_a_failed_server_depends_on_the_store_that_it_has(
    state: str, backend: str | None, in_use: bool, to_wal: str, to_boltdb: str
) -> None:
    for wanted, outcome in ("wal", to_wal), ("boltdb", to_boltdb):
        found = left_behind(wanted, state, backend, in_use)
        assert value("raft_logstore_unswitched", **found) is (outcome == "unswitched")
        assert value("raft_logstore_switched", **found) is (outcome == "down")
        assert value("raft_logstore_outcome", **found) == outcome


def test_a_person_is_told_what_failed_what_failed_again_and_what_keeps_the_server_stopped() -> None:
    def told(**more: Any) -> str:
        return str(value("raft_logstore_told | select | join(' ')", **left_behind("wal", "wal", "wal", False, **more)))

    again = {"task": "Convert the store", "message": "damaged"}
    drop_in = "/run/systemd/system/nomad.service.d/90-raft-logstore.conf"
    both = told(raft_logstore_failed_again=again)
    assert both.startswith(
        "s1: Start the agent: no. It could not be brought back to boltdb: Convert the store: damaged. "
    )
    assert drop_in in both and both.endswith("No server after it was touched.")
    assert "brought back" not in told() and drop_in not in told(raft_logstore_service_manager="command")
    assert "It is back in the cluster as it was" in told(raft_logstore_put_back="returned")
    assert drop_in not in told(raft_logstore_put_back="returned")
    assert "This server was down before, and still is." in told(raft_logstore_stopped=False)
    assert value("raft_logstore_outcomes.values() | list", **left_behind("boltdb", "wal", "wal", False))


@pytest.mark.parametrize(
    ("switched", "in_use", "manager", "started"),
    [
        (False, False, "command", True),
        (False, True, "command", False),  # perhaps by the agent, which has not gone
        (False, True, "systemd", True),  # not by a second one: by a backup that is being made, say
        (True, True, "command", True),  # it was stopped once more
    ],
)
def test_a_failed_server_is_started_again_but_never_beside_itself(
    switched: bool, in_use: bool, manager: str, started: bool
) -> None:
    (start,) = [task for task in tasks("put_back.yml") if task["name"] == "Start the agent as it was"]
    known = {"raft_logstore_switched": switched, "raft_logstore_service_manager": manager}
    found = templar(raft_logstore_store_after={"raft_store": {"in_use": in_use}}, **known)
    assert found.evaluate_expression(start["when"]) is started


def test_the_oldest_hold_says_what_to_put_back() -> None:
    """The second file is what an earlier run wrote while the first one was in force."""
    first = {"origin": "me", "previous": True, "created": "2026-11-22T13:00:00Z"}
    second = {"origin": "me", "previous": False, "created": "2026-11-22T14:00:00Z"}
    facts = three(s1=server("s1", held=second), s3=server("s3", held=first))
    assert value("raft_logstore_before_hold | first", facts) is True
    facts = three(s2={**server("s2"), "raft_logstore_previous": False})
    assert value("raft_logstore_before_hold", facts) == [False]
    assert value("(raft_logstore_before_hold | first) | default('nothing held')", three()) == "nothing held"


def test_a_person_is_told_of_a_hold_until_it_is_released() -> None:
    held = {"facts": three(s2={**server("s2"), "raft_logstore_previous": True})}
    assert "stays off until a run ends well" in value("raft_logstore_hold_note", **held)
    assert value("raft_logstore_hold_note", raft_logstore_released=True, **held) == ""
    assert value("raft_logstore_hold_note", three()) == ""
    assert value("raft_logstore_hold_note", three(), raft_logstore_hold={"failed": True}).endswith(
        "may be off: a run that ends well sees to it."
    )
