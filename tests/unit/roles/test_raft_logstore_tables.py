# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tables of the plan and of the status say about a server. Rendered by Ansible."""

from __future__ import annotations

from typing import Any

import pytest
from support.paths import ROLE
from support.role import server, three, value

SEEN = {
    "address": "", "version": "", "running": "wal", "configured": "wal", "applied": 1, "store": "wal", "guarded": True,
    "interrupted": False, "hold": False, "ours": False, "last_index": 7, "size": 1, "available": 1, "needs": None,
}  # fmt: skip


def table(name: str, read: dict[str, Any], **variables: Any) -> list[str]:
    """The lines for a cluster whose s2 is as given; the others have nothing left to do."""
    done = {host: server(host, **SEEN, todo=False) for host in ("s1", "s3")}
    facts = three(**done, s2=server("s2", **{**SEEN, **read}))
    for host in facts.values():
        host["raft_logstore_view"] = {"answered": False}
        host["raft_logstore_preflight"] = {"immobile": False}
    lookup = f"lookup('template', '{name}.txt.j2')"
    return str(value(lookup, facts, ansible_search_path=[str(ROLE)], **variables)).splitlines()


@pytest.mark.parametrize("guarded", [False, True])
def test_a_wal_without_guard_is_in_both_tables(guarded: bool) -> None:
    """As the Nomad command makes it: configured for boltdb again, Nomad would start empty."""
    for name in "plan", "status":
        (row,) = [line for line in table(name, {"todo": False, "guarded": guarded}) if " s2 " in f" {line} "]
        assert ("unguarded" in row) is not guarded


@pytest.mark.parametrize(
    ("read", "backend", "action"),
    [
        ({"todo": False}, "wal", "nothing"),
        ({}, "wal", "migrate"),
        ({}, "boltdb", "return"),
        ({"rank": 0, "interrupted": True}, "wal", "finish"),
        ({"rank": 0, "up": False, "ours": True}, "wal", "finish"),
        ({"rank": 0, "up": False}, "wal", "refused"),  # nothing says that this collection has left it down
    ],
)
def test_the_plan_has_a_word_for_what_is_done_about_a_server(read: dict[str, Any], backend: str, action: str) -> None:
    (row,) = [line.split() for line in table("plan", read, raft_logstore_backend=backend) if " s2 " in f" {line} "]
    assert action in row


@pytest.mark.parametrize(("read", "told"), [({}, False), ({"hold": True}, True), ({"interrupted": True}, True)])
def test_the_status_says_that_a_roll_has_not_ended(read: dict[str, Any], told: bool) -> None:
    said = " ".join(table("status", read))
    assert ("If it stopped, run the same command again: it goes on from there." in said) is told


@pytest.mark.parametrize(
    ("read", "told"),
    [
        ({}, False),
        ({"needs": 5 << 20, "available": 5 << 20}, False),
        ({"needs": (5 << 20) + 1, "available": 5 << 20}, True),
        ({"needs": (5 << 20) + 1, "available": 5 << 20, "todo": False}, False),
    ],
)
def test_the_plan_says_where_the_space_may_not_be_enough(read: dict[str, Any], told: bool) -> None:
    said = [line for line in table("plan", read) if "may need more than" in line]
    words = "s2: the conversion may need more than the 5.00 MB that are free."
    assert [words in line for line in said] == [True] * told
