# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is concluded from one look at a server, among them answers that a real Nomad has given."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.answers import parse_agent, parse_autopilot
from ansible_collections.raftops.nomad.plugins.module_utils._roll import plan
from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import (
    Found,
    found,
    parse,
    refusal,
    values,
    view,
)
from support.agent_server import recording
from support.rolls.servers import agent_self, looked

OPTIONS = Options(config_path=("/etc/nomad.d",), origin="me")
SELF = agent_self("s1")
UP: dict[str, Any] = {
    "answered": True,
    "down": False,
    "error": "",
    "status": 200,
    "url": "http://s1:4646",
    "role": "follower",
}
DOWN = {**UP, "answered": False, "down": True, "error": "no answer: refused. Check that.", "status": 0, "role": "down"}


def read(agent: dict[str, Any] | None = None, **instead: Any) -> dict[str, Any]:
    """A server that is done, and what was read instead."""
    return looked(
        {**(agent or {**UP, "self": SELF}), "self": (agent or {}).get("self", SELF if not agent else None)}, **instead
    )


def seen(given: dict[str, Any], backend: str = "wal") -> Found:
    return found("s1", given, OPTIONS._replace(backend=backend))


def test_a_server_that_is_down_counts_as_ours_by_what_a_roll_leaves_and_never_while_it_runs_elsewhere() -> None:
    """A guarded WAL that a process has open is an agent at another address: nobody has left it down."""

    def ours(**instead: Any) -> bool:
        return seen(read(DOWN, **{"guarded": False, "in_use": False, **instead})).ours

    assert not ours()
    assert ours(guarded=True) and not ours(guarded=True, in_use=True)
    for left in {"interrupted": True}, {"hold": {"origin": "me"}}, {"state": "boltdb"}:
        assert ours(in_use=True, **left), left
    assert ours(drop_in="/run/systemd/system/nomad.service.d/90-raft-logstore.conf")
    assert not ours(state="damaged"), "nothing says that it is on another backend than it is configured for"


def test_why_an_agent_does_not_answer_ends_without_a_full_stop_and_says_when_it_seems_to_run() -> None:
    assert "Check that. Its store is in use, so the agent seems to run: wait " in seen(read(DOWN, in_use=True)).error
    assert seen(read(DOWN, in_use=False)).error == "no answer: refused. Check that"
    assert seen(read()).error == ""


@pytest.mark.parametrize(
    ("configured", "what"),
    [
        ({}, "else set raft_logstore_host and raft_logstore_port: it does not listen at 127.0.0.1 and 4646 as config"),
        ({"http_host": ""}, "else set raft_logstore_host: its configuration has a template for it"),
        (
            {"http_host": "10.0.0.1"},
            "else correct raft_logstore_host and raft_logstore_port, its configuration says 10.",
        ),
        ({"http_port": 5646}, "its configuration says 127.0.0.1 and 5646"),
    ],
)
def test_where_the_address_came_from_at_which_nobody_listens(configured: dict[str, Any], what: str) -> None:
    given = read(DOWN, in_use=True)
    given["configuration"]["agent"].update(configured)
    assert what in seen(given).error


def refused(given: dict[str, Any], options: Options = OPTIONS) -> str:
    return refusal("s1", given, options)


def test_an_answer_of_another_server_is_refused() -> None:
    for node_id, right in ("id-s1", True), ("id-s2", False), (None, False):
        assert (refused(read(node_id=node_id)) == "") is right
    said = refused(read(node_id="id-s2"))
    assert said.startswith("http://s1:4646 is s1.global, another server than the one whose store is on s1. Check raft_")
    assert refused(read(node_id=None)) == "There is no node-id beside /opt/nomad/server/raft."
    assert refused(read(DOWN)) == "", "it cannot be asked"


def test_a_configuration_that_only_the_running_agent_knows_is_refused() -> None:
    plain, quoted = {"config_paths": ["/etc/nomad.d"]}, {"config_paths": ["$DIR"], "literal": False}
    assert refused(read(unit=plain), Options()) == "" == refused(read(unit=quoted))
    assert refused(read(), Options()).startswith("Only its running agent knows where the configuration of s1 is")
    told = refused(read(unit=quoted), Options())
    assert told.startswith("Its unit names the configuration of s1 in a way that only systemd reads: $DIR. ")
    assert told.endswith("Set raft_logstore_config_path to the agent's -config arguments.")


def test_what_could_not_be_looked_at_is_refused_and_what_cannot_end_well() -> None:
    assert refused(read(errors={"configuration": "/etc/nomad.d/zz.hcl:3:5: no"})) == "/etc/nomad.d/zz.hcl:3:5: no"
    assert refused({**read(errors={"store": "no such directory"}), "store": None}) == "no such directory"
    assert "Give 1 to 2047" in refused(read(), OPTIONS._replace(wal_segment_size=2048))
    assert "will ever be back in time" in refused(read(), OPTIONS._replace(stable_for=300))


@pytest.mark.parametrize(
    ("given", "role", "todo", "rank"),
    [
        (read(), "follower", False, 1),
        (read({**UP, "self": {**SELF, "backend": "boltdb"}}), "follower", True, 3),
        (read(configured="boltdb"), "follower", True, 3),
        (read(state="both"), "follower", True, 3),
        (read(interrupted=True), "follower", True, 1),
        (read({**UP, "self": SELF, "role": "leader"}), "leader", False, 1),
        (read({**UP, "self": SELF, "role": "leader"}, configured="boltdb"), "leader", True, 4),
        (read({**UP, "self": SELF, "role": "non-voter"}, configured="boltdb"), "non-voter", True, 2),
        (read(DOWN), "down", True, 0),
        (read({**DOWN, "down": False, "role": "silent"}), "silent", True, 0),
        (read(DOWN, interrupted=True), "down", True, 0),
    ],
)
def test_what_is_down_comes_first_then_what_is_unfinished_and_the_leader_last(
    given: dict[str, Any], role: str, todo: bool, rank: int
) -> None:
    server = seen(given)
    assert (server.role, server.todo, server.rank) == (role, todo, rank)


def test_what_would_go_wrong_at_the_next_start_keeps_a_server_from_its_stop_and_what_to_know_is_noted() -> None:
    refused = {"severity": "refuse", "code": "peers_json", "what": "There is a peers.json. Remove it.", "path": "/p"}
    noted = {"severity": "warn", "code": "files", "what": "Its next start will load /x.", "path": "/x"}
    said_elsewhere = {"severity": "refuse", "code": "command_missing", "what": "Give it.", "path": ""}
    server = seen(read(configured="boltdb", rehearsal=[refused, said_elsewhere, noted]))
    assert server.obstacles == ("There is a peers.json. Remove it",)
    assert server.notes == ("Its next start will load /x.",) == parse(values(server)).notes
    gate, told = plan.refused([parse(values(server))], Options(allow_outage=True))
    assert gate == "Every server may be stopped as far as it alone is concerned"
    assert told == "s1: There is a peers.json. Remove it."
    assert "s1: Its next start will load /x." in plan.warnings([parse(values(server))], OPTIONS)


def test_a_run_that_is_still_at_work_is_joined_whatever_the_server_is_like_meanwhile() -> None:
    silent = {**DOWN, "down": False, "role": "silent"}
    at_work = {"at_work": True, "untold": False, "sentence": "Process 812 has been bringing it to wal since then."}
    server = seen(read(silent, transaction=at_work, in_use=True, guarded=False))
    assert server.todo and server.ours and server.obstacles == () and server.rank == 0
    up = seen(read(transaction=at_work))
    assert up.todo and up.rank == 1 and up.transaction == at_work["sentence"]
    ended = seen(read(transaction={"at_work": False, "untold": True, "sentence": "It has ended."}))
    assert not ended.todo and ended.untold


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


def test_a_token_that_could_not_be_asked_keeps_a_server_from_being_stopped() -> None:
    assert seen(read()).obstacles == ()
    assert seen(read(errors={"token": "no answer"})).obstacles == ("what its token may do is not known: no answer",)


TO_DO = read({**UP, "self": SELF, "role": "leader"}, configured="boltdb")
LEAVES = {"leave_on_interrupt": False, "leave_on_terminate": True}
RIGHT = {"capability": "operator:write", "purpose": "to keep", "path": "/v1/x"}
STRANGER = {"id": "id-s9", "address": "s9:1", "voter": True}
BY_COMMAND = {"unit": {**TO_DO["unit"], "manager": "command"}, "user_id": 1000}
ALONE = "Every server may be stopped as far as it alone is concerned"
DOWN_GATE = "No server is down, except at most one that this collection left down"
BEGUN = "No roll of another controller is unfinished"


def instead(part: str, **values: Any) -> dict[str, Any]:
    """The same server that is still to be done, with other values in one part of what server_info says."""
    return {**TO_DO, part: {**TO_DO[part], **values}}


@pytest.mark.parametrize(
    ("look", "gate"),
    [
        (TO_DO, ""),
        (instead("agent", self={**SELF, "version": "1.11.3"}), "Every server runs a Nomad that knows the WAL backend"),
        (instead("store", guarded=False), "No server would start with an empty store"),
        (instead("token", lacking=[RIGHT]), "Every token may do what a roll does"),
        ({**TO_DO, "user_id": 1000}, "The modules may do what has to be done"),
        ({**TO_DO, **BY_COMMAND}, ""),
        (
            {**instead("configuration", unwritable=["/etc/nomad.d"]), **BY_COMMAND},
            "The modules may do what has to be done",
        ),
        (instead("agent", self={**SELF, "peers": [*SELF["peers"], STRANGER]}), "The group is the cluster"),
        (instead("prospect", refusal="no space"), ALONE),
        (instead("configuration", agent=LEAVES), ""),
        ({**instead("configuration", agent=LEAVES), "unit": {**TO_DO["unit"], "signal": 15}}, ALONE),
        (instead("errors", token="no answer"), ALONE),
        (instead("agent", answered=False, self=None, role="silent"), ALONE),
        (read(DOWN, guarded=False, in_use=False), DOWN_GATE),
        (instead("agent", role="follower"), "One server leads, and all that answer say so"),
        (instead("leftovers", hold={"origin": "elsewhere", "previous": True, "created": "2026"}), BEGUN),
        (instead("store", interrupted=True, interrupted_by="elsewhere"), BEGUN),
    ],
)
def test_what_one_look_has_found_closes_the_gate_of_the_plan_that_is_about_it(look: dict[str, Any], gate: str) -> None:
    server = parse(values(seen(look)))
    assert plan.refused([server], OPTIONS)[0] == gate


def test_what_is_read_survives_being_a_fact_and_what_was_noted_stays_beside_it() -> None:
    view_of_it = {
        "leader": "id-s1",
        "voters": ["id-s1"],
        "failure_tolerance": 0,
        "servers": [{"id": "id-s1", "healthy": True}],
    }
    server = seen({**read(hold={"origin": "me", "previous": True, "created": "2026"}), "autopilot": view_of_it})
    fact = {"done": True, "previous": False, **values(server)}
    again = parse(fact)
    names = values(server)
    assert {name: getattr(again, name) for name in names} == {name: getattr(server, name) for name in names}
    assert (again.done, again.previous, again.hold) == (True, False, True) and again.view == view(view_of_it)
    assert "done" not in values(server), "so that a second look does not take it back"


def test_no_token_is_among_the_values() -> None:
    assert "secret" not in str(values(seen(read({**UP, "self": SELF, "token": "secret"}))))


def test_a_recorded_follower_is_read_as_what_it_was() -> None:
    agent = parse_agent(recording("agent_self-follower-boltdb-after-return")["body"]).as_dict()
    given = read({**UP, "self": agent}, node_id=agent["id"], state="boltdb", configured="boltdb", guarded=False)
    server = seen(given)
    assert refused(given) == ""
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
