# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is concluded from one look at a server, among them answers that a real Nomad has given."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.agent.api.answers import parse_agent, parse_autopilot
from ansible_collections.raftops.nomad.plugins.module_utils.roll.options import Options
from ansible_collections.raftops.nomad.plugins.module_utils.roll.server import (
    Found,
    Read,
    found,
    parse,
    refusal,
    values,
    view,
)
from ansible_collections.raftops.nomad.plugins.module_utils.roll.unit import known
from support.agent_server import recording

OPTIONS = Options(config_path=("/etc/nomad.d",), origin="me")
STORE: dict[str, Any] = {
    "node_id": "id-s1",
    "raft_dir": "/opt/nomad/server/raft",
    "state": "wal",
    "interrupted": False,
    "interrupted_by": "",
    "held": None,
    "guarded": True,
    "in_use": True,
    "refusal": "",
    "last_index": None,
    "size": 9,
    "available_bytes": 8,
    "estimated_bytes": 9,
}
SELF: dict[str, Any] = {
    "id": "id-s1",
    "name": "s1.global",
    "backend": "wal",
    "state": "Follower",
    "version": "2.0.5",
    "leader_address": "s2:1",
    "rpc_address": "s1:1",
    "peers": [{"id": "id-s1", "address": "s1:1", "voter": True}],
    "acl_enabled": False,
    "raft": {"applied_index": 7, "last_log_index": 8},
}
CONFIG = {"previous_backend": "wal", "agent": {"leave_on_interrupt": False, "leave_on_terminate": False}}
UP: dict[str, Any] = {
    "answered": True,
    "down": False,
    "error": "",
    "status": 200,
    "url": "http://s1:4646",
    "agent": SELF,
}
DOWN = {**UP, "answered": False, "down": True, "error": "no answer: refused. Check that.", "status": 0, "agent": None}


def read(agent: dict[str, Any] | None = None, shown: str = "", configured: str = "wal", **store: Any) -> Read:
    """A server that is done, and what was read instead."""
    return Read(
        {**CONFIG, "previous_backend": configured}, agent or UP, {**STORE, **store}, known(OPTIONS, "s1", shown)
    )


def seen(given: Read, backend: str = "wal") -> Found:
    return found("s1", given, OPTIONS._replace(backend=backend))


def test_a_server_that_is_down_counts_as_ours_by_what_a_roll_leaves_and_never_while_it_runs_elsewhere() -> None:
    """A guarded WAL that a process has open is an agent at another address: nobody has left it down."""

    def ours(shown: str = "", **store: Any) -> bool:
        return seen(read(DOWN, shown, **{"guarded": False, "in_use": False, **store})).ours

    assert not ours()
    assert ours(guarded=True) and not ours(guarded=True, in_use=True)
    for left in {"interrupted": True}, {"held": {"origin": "me"}}, {"state": "boltdb"}:
        assert ours(in_use=True, **left), left
    assert ours("DropInPaths=/run/systemd/system/nomad.service.d/90-raft-logstore.conf")
    assert not ours(state="damaged"), "nothing says that it is on another backend than it is configured for"


def test_why_an_agent_does_not_answer_ends_without_a_full_stop_and_says_when_it_seems_to_run() -> None:
    assert "Check that. Its store is in use, so the agent seems to run: wait " in seen(read(DOWN, in_use=True)).error
    assert seen(read(DOWN, in_use=False)).error == "no answer: refused. Check that"
    assert seen(read()).error == ""


def test_an_answer_of_another_server_is_refused() -> None:
    for node_id, right in ("id-s1", True), ("id-s2", False), (None, False):
        assert (refusal("s1", read(node_id=node_id)) == "") is right
    said = refusal("s1", read(node_id="id-s2"))
    assert said.startswith("http://s1:4646 is s1.global, another server than the one whose store is on s1. Check raft_")
    assert refusal("s1", read(node_id=None)) == "There is no node-id beside /opt/nomad/server/raft."
    assert refusal("s1", read(DOWN)) == "", "it cannot be asked"


@pytest.mark.parametrize(
    ("given", "role", "todo", "rank"),
    [
        (read(), "follower", False, 1),
        (read({**UP, "agent": {**SELF, "backend": "boltdb"}}), "follower", True, 3),
        (read(configured="boltdb"), "follower", True, 3),
        (read(state="both"), "follower", True, 3),
        (read(interrupted=True), "follower", True, 1),
        (read({**UP, "agent": {**SELF, "state": "Leader"}}), "leader", False, 1),
        (read({**UP, "agent": {**SELF, "state": "Leader"}}, configured="boltdb"), "leader", True, 4),
        (read({**UP, "agent": {**SELF, "peers": []}}, configured="boltdb"), "non-voter", True, 2),
        (read(DOWN), "down", True, 0),
        (read({**DOWN, "down": False}), "silent", True, 0),
        (read(DOWN, interrupted=True), "down", True, 0),
    ],
)
def test_what_is_down_comes_first_then_what_is_unfinished_and_the_leader_last(
    given: Read, role: str, todo: bool, rank: int
) -> None:
    server = seen(given)
    assert (server.role, server.todo, server.rank) == (role, todo, rank)


def test_a_server_without_a_vote_among_peers_is_a_non_voter() -> None:
    peers = [{"id": "id-s1", "address": "s1:1", "voter": False}, {"id": "id-s2", "address": "s2:1", "voter": True}]
    assert seen(read({**UP, "agent": {**SELF, "peers": peers}})).role == "non-voter"


def test_everything_is_left_to_do_for_the_other_backend() -> None:
    assert seen(read(), "boltdb").todo and not seen(read(), "wal").todo


@pytest.mark.parametrize(
    ("store", "guarded", "configured", "empty"),
    [
        ("wal", False, "boltdb", True),
        ("wal", False, "wal", False),
        ("wal", True, "boltdb", False),
        ("boltdb", False, "boltdb", False),
    ],
)
def test_a_wal_that_nothing_keeps_nomad_from_passing_over_is_noticed(
    store: str, guarded: bool, configured: str, empty: bool
) -> None:
    server = parse({"host": "s1", "id": "id", "store": store, "guarded": guarded, "configured": configured})
    assert server.starts_empty is empty


def test_the_token_is_asked_about_where_it_is_asked_for() -> None:
    assert not seen(read()).acl
    assert seen(read({**UP, "agent": {**SELF, "acl_enabled": True}})).acl
    assert seen(read({**DOWN, "down": False, "status": 403})).acl


def test_what_is_read_survives_being_a_fact_and_what_was_noted_stays_beside_it() -> None:
    server = seen(read(held={"origin": "me", "previous": True, "created": "2026"}))
    fact = {"done": True, "previous": False, "view": None, **values(server)}
    again = parse(fact)
    names = values(server)
    assert {name: getattr(again, name) for name in names} == {name: getattr(server, name) for name in names}
    assert (again.done, again.previous, again.hold) == (True, False, True)
    assert "done" not in values(server), "so that a second look does not take it back"


def test_no_token_is_among_the_values() -> None:
    assert "secret" not in str(values(seen(read({**UP, "token": "secret"}))))


def test_a_recorded_follower_is_read_as_what_it_was() -> None:
    agent = parse_agent(recording("agent_self-follower-boltdb-after-return")["body"]).as_dict()
    given = read({**UP, "agent": agent}, node_id=agent["id"], state="boltdb", configured="boltdb", guarded=False)
    server = seen(given)
    assert refusal("s2", given) == ""
    assert (server.name, server.role, server.running, server.todo, server.rank) == (
        "s2.global", "follower", "boltdb", True, 3
    )  # fmt: skip
    assert server.version == "2.0.5" and len(server.peers) == 3 and not server.ours
    assert not seen(given, "boltdb").todo


def test_a_recorded_view_of_the_leader_is_read() -> None:
    told = view(parse_autopilot(recording("autopilot_health-healthy")["body"]).as_dict())
    assert told is not None
    assert len(told.voters) == 3 and told.leader in told.voters and told.failure_tolerance == 1
    assert set(told.healthy.values()) == {True}
    assert view(None) is None
