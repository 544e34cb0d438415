# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan concludes for the whole cluster: order, actions, refusals one by one and in their order, warnings."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options
from ansible_collections.raftops.nomad.plugins.module_utils._roll.plan import GATES, TOLERANCE, plan, refused
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import Server, View
from support.rolls.servers import ME, PEERS, led, server

VOTERS = ("id-s1", "id-s2", "id-s3")
HELD = {"origin": "elsewhere", "previous": True, "created": "2026-11-22T13:00:00Z"}
RIGHT = {"capability": "operator:write", "purpose": "to keep", "path": "/v1/x"}
DONE = {name: {"todo": False, "rank": 1} for name in ("s1", "s2", "s3")}


def closed(servers: list[Server], options: Options = ME, view: View | None = None) -> str:
    """Which gate is closed, and that the sentence ends."""
    gate, refusal = refused(servers, options, view)
    assert bool(gate) == bool(refusal) and (not refusal or refusal.endswith((".", "--become.")) or gate == TOLERANCE)
    return gate


# For each gate a fault, and the beginning of what is said.
FAULTS: dict[str, tuple[dict[str, dict[str, Any]], str]] = {
    "Every server runs a Nomad that knows the WAL backend": (
        {"s1": {"version": "1.11.3"}},
        "The WAL backend came with Nomad 2.0.0. Upgrade first: s1 runs 1.11.3.",
    ),
    "No server would start with an empty store": (
        {"s2": {"store": "wal", "guarded": False}},
        "s2: the store is wal/, there is no raft.db, and the configuration does not say wal. At its next start",
    ),
    "Every token may do what a roll does": (
        {"s1": {"lacking": [RIGHT]}, "s3": {"lacking": [RIGHT]}},
        "The token lacks operator:write to keep /v1/x on s1; operator:write to keep /v1/x on s3. Give one that may",
    ),
    "The modules may do what has to be done": (
        {"s2": {"root": False, "user": "deploy"}},
        "s2: the modules run as deploy, who may not stop a unit. Run this as root on the servers: become: true",
    ),
    "The group is the cluster": (
        {"s2": {"id": "id-s1"}},
        "Several hosts of the group are the same server: id-s1, id-s1, id-s3.",
    ),
    "Every server has the leader's Raft configuration": (
        {"s1": {"peers": [{**PEERS[0], "address": "new:4647"}, *PEERS[1:]]}, "s2": {"up": True}},
        "Not every server has the leader's Raft configuration. s2: it has the voter id-s1 (s1:4647) where the leader",
    ),
    "Every server may be stopped as far as it alone is concerned": (
        {"s2": {"obstacles": ["set x", "it would leave"]}, "s3": {"obstacles": ["no space"]}},
        "s2: set x; it would leave. s3: no space.",
    ),
    "No server is down, except at most one that this collection left down": (
        {"s2": {"up": False, "error": "no answer"}, "s3": {"up": False, "ours": True, "error": "refused"}},
        "No server can be taken out of the cluster while another is down. Bring back first: s2: no answer; s3: "
        "refused. Then run this again.",
    ),
    "One server leads, and all that answer say so": (
        {"s1": {"role": "follower", "leader": ""}, "s2": {"leader": ""}, "s3": {"leader": ""}},
        "No server says that it leads, and the others name no leader. Run this again when the servers agree.",
    ),
    "No roll of another controller is unfinished": (
        {"s2": {"held": HELD}},
        "elsewhere has held this cluster for a roll since 2026-11-22T13:00:00Z, but nothing is at work on a server "
        "now. Let it finish there. If it is dead, take over with raft_logstore_take_over; if it was this controller "
        "under another name, set raft_logstore_origin to elsewhere.",
    ),
}


def test_a_healthy_cluster_is_refused_by_no_gate() -> None:
    assert refused(led(), ME) == ("", "")
    assert refused(led(), ME, View("id-s1", VOTERS, 1, {})) == ("", "")


@pytest.mark.parametrize("gate", FAULTS)
def test_each_gate_has_a_fault_that_closes_it_and_no_other(gate: str) -> None:
    instead, words = FAULTS[gate]
    servers = led(**instead)
    assert [name for name, closes in GATES.items() if closes(servers, ME)] == [gate]
    assert refused(servers, ME)[1].startswith(words)


def test_the_first_gate_in_their_order_speaks() -> None:
    assert list(FAULTS) == list(GATES)
    instead: dict[str, dict[str, Any]] = {}
    for gate in reversed(list(FAULTS)):
        for name, read in FAULTS[gate][0].items():
            instead[name] = {**instead.get(name, {}), **read}
        assert refused(led(**instead), ME)[0] == gate


def test_versions_are_compared_as_numbers_and_only_of_servers_that_answer() -> None:
    for version, old in ("1.11.3", True), ("2.0.0", False), ("2.0.0-beta.1", False), ("10.0.1", False), ("", True):
        assert bool(closed(led(s2={"version": version}))) is old, version
    down = {"up": False, "ours": True, "role": "down", "version": "", "leader": ""}
    assert closed(led(s3=down)) == ""


def test_tokens_and_users_do_not_matter_where_nothing_is_to_be_done() -> None:
    lacking, weak = {"lacking": [RIGHT]}, {"root": False, "user": "deploy"}
    done = {name: {**DONE[name], **lacking, **weak} for name in DONE}
    assert closed(led(**done)) == ""
    assert closed(led(s1=DONE["s1"], s2={**DONE["s2"], **weak}, s3={})) == ""
    assert closed(led(s2={**DONE["s2"], **lacking})) == "Every token may do what a roll does", "it is asked"


@pytest.mark.parametrize("uid", [0, 1000])
def test_who_may_not_do_what_has_to_be_done_is_told_before_a_stop(uid: int) -> None:
    """For each reason there is a case in test_obstacles.py."""
    assert bool(closed(led(s2={"root": uid == 0, "user": "deploy"}))) is bool(uid)
    read = {"root": uid == 0, "user": "deploy", "systemd": False, "unwritable": ["/etc/nomad.d"]}
    told = refused(led(s2=read), ME)[1]
    assert told.startswith("s2: the modules run as deploy, who may not write to /etc/nomad.d. ") is bool(uid)


def test_the_group_is_compared_with_the_cluster_by_id() -> None:
    def same(servers: list[Server]) -> bool:
        return closed(servers) != "The group is the cluster"

    assert same(led())
    assert not same(led(s3={"up": False, "ours": True, "id": "id-removed", "peers": []})), "s3 is a stranger then"
    missing = [one for one in led() if one.host != "s2"]
    assert not same(missing)
    assert refused(missing, ME)[1] == (
        "In the cluster, but not read by this run: s2:4647. Add them to the group, and run without --limit."
    )
    assert not same(led(s2={"id": "id-s1"}))
    extra = [*led(), server("s4", peers=[])]
    assert not same(extra) and refused(extra, ME)[1] == "In the group, but not in the cluster: s4."
    removed = [*led(), server("s4", up=False, ours=True, peers=[])]
    assert same(removed), "autopilot may have removed a server that is down"
    late = {name: {"peers": PEERS[:2], "role": "follower", "leader": "s3:4647"} for name in ("s1", "s2")}
    leader = {"role": "leader", "rank": 1, "leader": "s3:4647"}
    assert same(led(**late, s3=leader)), "the leader knows, wherever it comes"


def test_one_server_may_be_down_if_this_collection_has_left_it_so() -> None:
    down = {"up": False, "role": "down", "leader": "", "error": "refused"}
    assert closed(led(s3={**down, "ours": True})) == ""
    assert closed(led(s3=down)) == "No server is down, except at most one that this collection left down"
    both = led(s2={**down, "ours": True}, s3={**down, "ours": True})
    assert closed(both) == "No server is down, except at most one that this collection left down"


@pytest.mark.parametrize(
    ("instead", "agreed"),
    [
        ({}, True),
        ({"s1": {"role": "follower", "leader": ""}}, False),  # an election is under way
        ({"s1": {"role": "follower", "leader": "s1:4647"}}, False),
        ({"s2": {"role": "leader", "leader": "s2:4647"}}, False),  # an old leader that does not know it yet
        ({"s3": {"role": "follower", "leader": "s2:4647"}}, False),
        ({"s3": {"role": "follower", "leader": ""}}, False),  # cut off from the others
        ({"s3": {"role": "down", "leader": "", "up": False, "ours": True}}, True),
    ],
)
def test_one_server_leads_and_all_that_answer_name_the_same_one(instead: dict[str, Any], agreed: bool) -> None:
    assert (closed(led(**instead)) == "") is agreed


def test_no_leader_is_needed_in_an_outage_that_is_allowed_and_where_nothing_is_to_be_done() -> None:
    down = {"up": False, "ours": True, "role": "down", "leader": ""}
    alone = [server("s1", **down, peers=PEERS[:1])]
    assert closed(alone) and not closed(alone, ME._replace(allow_outage=True))
    assert not plan(alone, ME._replace(allow_outage=True)).asks and plan(led(), ME).asks
    assert closed(led(**{name: {**DONE[name], "role": "follower", "leader": ""} for name in DONE})) == ""


@pytest.mark.parametrize(
    ("left", "take_over", "goes_on"),
    [
        ({}, False, True),
        ({"held": {**HELD, "origin": "me"}}, False, True),
        ({"held": HELD}, False, False),
        ({"held": HELD}, True, True),
        ({"interrupted_by": "me"}, False, True),
        ({"interrupted_by": "elsewhere"}, False, False),  # a journal without a hold: none was wanted
        ({"interrupted_by": "elsewhere"}, True, True),
    ],
)
def test_what_another_controller_has_begun_is_left_to_it_unless_taken_over(
    left: dict[str, Any], take_over: bool, goes_on: bool
) -> None:
    assert (closed(led(s2=left), ME._replace(take_over=take_over)) == "") is goes_on


def tolerated(least: int, voters: tuple[str, ...], told: int, repaired: bool = False, outage: bool = False) -> bool:
    servers = led(s3={"interrupted": repaired})
    options = ME._replace(min_failure_tolerance=least, allow_outage=outage)
    view = View("id-s1", voters, told, {})
    gate, refusal = refused(servers, options, view)
    left = plan(servers, options, view).tolerance
    assert gate in ("", TOLERANCE)
    assert gate == "" or refusal.startswith(
        f"The failure tolerance of the cluster is {left}, not {least} or more. Add "
    )
    return gate == ""


def test_the_tolerance_is_what_the_leader_says_while_all_are_well() -> None:
    assert tolerated(1, VOTERS, 1) and not tolerated(2, VOTERS, 1)
    assert not tolerated(1, VOTERS, 0), "the leader knows of more than the number of voters"
    assert not tolerated(1, VOTERS[:2], 0) and tolerated(1, VOTERS[:2], 0, outage=True)


def test_the_tolerance_is_judged_with_the_server_that_is_repaired() -> None:
    assert tolerated(1, VOTERS, 0, repaired=True) and not tolerated(2, VOTERS, 0, repaired=True)
    assert tolerated(1, VOTERS[:2], 0, repaired=True), "autopilot has removed it"
    assert not tolerated(1, VOTERS[:1], 0, repaired=True)


def test_the_leader_is_asked_about_the_cluster_without_the_server_that_is_repaired() -> None:
    well = plan(led(), ME)
    assert (well.until, well.without, well.repair, well.speaker, well.wait_timeout) == ("healthy", "", False, "s1", 15)
    down = plan(led(s1={"up": False, "ours": True, "role": "down", "rank": 0}, s2={"role": "leader"}), ME)
    assert (down.until, down.without, down.repair, down.speaker) == ("stoppable", "id-s1", True, "s2")
    assert plan(led(), ME._replace(check_mode=True)).wait_timeout == 0
    assert plan(led(**DONE), ME).asks is plan(led(**DONE), ME).begins is False


def test_the_roll_concerns_all_that_are_in_the_group_or_in_the_cluster() -> None:
    made = plan([one for one in led() if one.host != "s2"], ME)
    assert made.ids == ["id-s1", "id-s3", "id-s2"]
    assert plan(led(s1={"rank": 4}), ME).queue == ["s2", "s3", "s1"]
    assert plan(led(s1={"rank": 4}, s2=DONE["s2"]), ME).busy == ["s3", "s1"]


def row(read: dict[str, Any], backend: str = "wal") -> list[str]:
    """The cells of s2 in the table of the plan."""
    lines = plan(led(s2=read), ME._replace(backend=backend)).lines
    (found,) = [line.split() for line in lines if " s2 " in f" {line} "]
    return found


@pytest.mark.parametrize(
    ("read", "backend", "action"),
    [
        ({"todo": False}, "wal", "nothing"),
        ({}, "wal", "migrate"),
        ({}, "boltdb", "return"),
        ({"rank": 0, "interrupted": True}, "wal", "finish"),
        ({"rank": 1, "interrupted": True}, "boltdb", "finish"),
        ({"rank": 0, "up": False, "ours": True}, "wal", "finish"),
        ({"rank": 0, "up": False}, "wal", "refused"),  # nothing says that this collection has left it down
    ],
)
def test_the_plan_has_a_word_for_what_is_done_about_a_server(read: dict[str, Any], backend: str, action: str) -> None:
    assert action in row(read, backend)


def test_a_server_has_a_line_with_all_that_is_known_of_it() -> None:
    known = {"address": "s2:4647", "last_index": 7, "size": 5 << 20, "hold": True, "available": 1 << 40}
    assert row(known) == ["2", "s2", "follower", "boltdb", "boltdb,hold", "migrate", "7", "5.0MB"]
    unknown = {"version": "", "up": False, "role": "down", "rank": 0, "running": "", "configured": "wal"}
    assert row(unknown) == ["1", "s2", "down", "wal", "boltdb", "refused", "-", "-"]


@pytest.mark.parametrize("guarded", [False, True])
def test_a_wal_without_guard_is_in_the_table_of_the_plan(guarded: bool) -> None:
    """As the Nomad command makes it: configured for boltdb again, Nomad would start empty."""
    found = row({"todo": False, "guarded": guarded, "store": "wal"})
    assert ("wal,unguarded" in found) is not guarded
