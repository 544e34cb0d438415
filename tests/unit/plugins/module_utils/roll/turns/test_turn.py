# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one server's turn depends on."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import Server, View
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.turn import NEXT, Answered, Turn, answers, turn
from support.rolls.servers import ME, PEERS, led, server, three

ORDER = ("s1", "s2", "s3")
SO_FAR = Answered(group=ORDER, batch=("s1",), order=ORDER)
DOWN = {"up": False, "ours": True, "role": "down", "error": "refused"}
CHECK = ME._replace(check_mode=True)


def at(servers: list[Server], host: str = "s1", options: Options = ME, so_far: Answered = SO_FAR) -> Turn:
    return turn(servers, host, options, so_far)


def test_a_server_comes_only_when_all_before_it_are_done_and_all_were_looked_at() -> None:
    def said(servers: list[Server], batch: tuple[str, ...] = ("s3",), group: tuple[str, ...] = ORDER) -> str:
        interlock = at(servers, "s3", so_far=Answered(group=group, batch=batch, order=ORDER)).interlock
        assert interlock.refused is bool(interlock.refusal)
        return interlock.refusal

    done = {name: {"done": True} for name in ("s1", "s2")}
    assert said(three(**done)) == ""
    assert said(three(s1=done["s1"])) == "Not finished: s2. No other server is touched."
    assert said(three(**done), ("s3", "s4")) == "This roll takes one server at a time. Set serial: 1 on the play."
    assert said(three(**done), group=(*ORDER, "s4")).startswith(
        "Not looked at by this run: s4. Every server of the group"
    )
    nobody = turn([], "s3", ME, SO_FAR).interlock.refusal
    assert nobody.startswith("Not finished: s1, s2."), "no plan was made"


def test_a_server_that_went_down_by_itself_is_not_repaired() -> None:
    def may(take_over: bool = False, **read: Any) -> bool:
        gate = at(three(s1={"obstacles": [], **read}), options=ME._replace(take_over=take_over)).stoppable
        return not gate.refused

    assert may() and may(up=False, ours=True)
    assert not may(up=False) and not may(obstacles=["set something"])
    elsewhere = {"origin": "elsewhere", "previous": True, "created": ""}
    assert may(held={**elsewhere, "origin": "me"}) and not may(held=elsewhere), "since the plan"
    assert not may(interrupted_by="elsewhere") and may(interrupted_by="elsewhere", take_over=True)
    assert not may(up=False, interrupted_by="elsewhere", take_over=True), "what is taken over does not bring it up"


def test_it_is_said_why_a_server_may_not_be_stopped() -> None:
    def said(**read: Any) -> str:
        return at(three(s1=read)).stoppable.refusal

    assert said(obstacles=["set x", "no space"], up=False) == "set x; no space."
    assert said(interrupted_by="elsewhere") == "elsewhere has begun to convert it since the plan."
    assert said(up=False, error="refused") == "its agent is down: refused."


@pytest.mark.parametrize(
    ("outage", "size", "roles", "alone"),
    [
        (True, 1, {"s1": DOWN}, True),
        (True, 2, {"s1": DOWN}, True),
        (False, 1, {"s1": DOWN}, False),
        (True, 1, {"s1": {**DOWN, "ours": False}}, False),
        (True, 2, {"s1": DOWN, "s2": {"role": "leader"}}, False),
        (True, 3, {"s1": DOWN}, False),
        (True, 2, {"s2": DOWN}, False),  # this server is not the one
        (True, 2, {}, False),
    ],
)
def test_nobody_is_asked_only_where_nobody_leads_because_of_this_server(
    outage: bool, size: int, roles: dict[str, dict[str, Any]], alone: bool
) -> None:
    options = ME._replace(allow_outage=outage)
    found = at(three(**roles)[:size], options=options)
    assert found.steps == (["steps/alone.yml"] if alone else ["steps/one_server.yml"])
    assert found.holds is not alone and found.looks_again is not alone
    assert not at(three(**roles)[:size], options=options._replace(hold_autopilot=False)).holds


def test_while_a_server_is_down_another_is_asked_about_the_cluster() -> None:
    assert (at(three()).asked, at(three()).other, at(three()).peers) == ("s1", "s2", ["s2", "s3"])
    assert (at(three(s1=DOWN)).asked, at(three(s2=DOWN), "s2").asked) == ("s2", "s1")
    only = at(three(s1=DOWN)[:1], so_far=Answered(group=("s1",)))
    assert (only.asked, only.other, only.peers) == ("s1", "s1", [])


BEFORE = View("id-s1", ("id-s1", "id-s2"), 1, {})


def test_the_cluster_is_asked_about_on_a_server_that_answers() -> None:
    assert (at(three()).speaker, at(three(s1=DOWN), "s3").speaker) == ("s1", "s2")
    nobody = three(s1=DOWN, s2=DOWN, s3=DOWN)
    assert at(nobody, "s2").speaker == "s2" and turn([], "s3", ME, SO_FAR).speaker == "s3"


def test_what_is_done_on_another_server_knows_it_by_its_host() -> None:
    found = at(three(s2={"raft_dir": "/data/server/raft"}), "s3", ME._replace(origin="prod"))
    assert found.ids == {"s1": "id-s1", "s2": "id-s2", "s3": "id-s3"}
    assert found.hold_files["s2"] == "/data/server/raft/.raft-hold.json" and set(found.hold_files) == set(ORDER)
    assert found.origin == "prod"


def test_only_without_any_other_voter_and_with_an_outage_allowed_nothing_is_transferred() -> None:
    def transfers(voters: list[str], allow_outage: bool = False, leader: str = "id-s1") -> bool:
        so_far = SO_FAR._replace(judged=View(leader, tuple(voters), 0, {}))
        return at(led(), options=ME._replace(allow_outage=allow_outage), so_far=so_far).leadership.moves

    assert transfers(["id-s1"]) and transfers(["id-s1", "id-s2"], allow_outage=True)
    assert not transfers(["id-s1"], allow_outage=True)
    assert not transfers(["id-s1", "id-s2"], leader="id-s2"), "another one leads"
    assert not at(led()).leadership.moves, "nobody could be asked"
    stale = SO_FAR._replace(judged=BEFORE)
    alone = at(three(s1=DOWN)[:1], options=ME._replace(allow_outage=True), so_far=stale)
    assert alone.steps == ["steps/alone.yml"] and not alone.leadership.moves, "it is down"


@pytest.mark.parametrize(
    ("result", "fails", "must_follow"),
    [
        ({"failed": True, "denied": True}, False, False),
        ({"failed": True, "denied": False}, True, True),
        ({"failed": True}, True, True),
        ({"failed": False}, False, True),
        ({}, False, True),
    ],
)
def test_only_a_denied_transfer_lets_the_leader_be_stopped_without_one(
    result: dict[str, bool], fails: bool, must_follow: bool
) -> None:
    found = at(led(), so_far=SO_FAR._replace(judged=BEFORE, transfer=result)).leadership
    assert (found.failed, found.must_follow) == (fails, must_follow)
    assert found.denied is result.get("denied", False)


def test_a_server_that_alone_has_a_vote_need_not_follow() -> None:
    so_far = SO_FAR._replace(judged=View("id-s1", ("id-s1",), 0, {}))
    assert not at(led(), options=ME._replace(allow_outage=True), so_far=so_far).leadership.must_follow
    assert at(led(), so_far=so_far).leadership.must_follow


def test_leadership_goes_to_a_server_on_the_new_backend_where_there_is_one() -> None:
    others = [
        {"id": "id-s2", "backend": "boltdb"},
        {"id": "id-s3", "backend": "wal"},
        {"id": "id-s4", "backend": "boltdb"},
    ]
    so_far = SO_FAR._replace(judged=BEFORE, others=others)
    assert at(led(), so_far=so_far).leadership.candidates == ["id-s3", "id-s2", "id-s4"]
    back = at(led(), options=ME._replace(backend="boltdb"), so_far=so_far)
    assert back.leadership.candidates == ["id-s2", "id-s4", "id-s3"]


def test_in_a_rehearsal_nothing_is_asked_that_depends_on_a_server_that_is_down() -> None:
    servers = three(s3=DOWN)
    assert at(servers, options=CHECK).before.unrehearsed and not at(servers, options=CHECK).comes
    assert at(servers).comes and not at(servers).before.unrehearsed
    assert at(servers, "s3", CHECK).comes, "it is rehearsed itself"
    assert at(three(), options=CHECK).comes
    done = three(s1={"todo": False}, s3=DOWN)
    assert not at(done, options=CHECK).before.unrehearsed and not at(done, options=CHECK).comes
    assert (at(servers, options=CHECK).down, at(servers, options=CHECK).releases) == (["s3"], False)
    assert at(servers).releases and at(three(), options=CHECK).releases


def test_a_server_that_is_done_must_be_back_before_another_is_stopped() -> None:
    done = three(s1={"todo": False})
    assert at(done).before.stays and not at(done, options=CHECK).before.stays and not at(three()).before.stays
    assert not at([server(name, todo=False) for name in ORDER]).before.stays, "none is stopped"


def test_a_run_that_has_ended_unheard_is_heard_where_nothing_else_is_to_do() -> None:
    ended = [server(name, todo=False, untold=True) for name in ORDER]
    assert at(ended).before.hears and at(ended).steps == ["steps/settle.yml"]
    assert not at(ended, options=CHECK).before.hears
    assert not at(three(s1={"todo": False})).before.hears and not at(three(s1={"untold": True})).before.hears, (
        "or with the rest"
    )


OWN = ME._replace(pre_tasks_file="/before.yml", post_tasks_file="/after.yml")
DONE: dict[str, dict[str, Any]] = {"s1": {"todo": False}}


@pytest.mark.parametrize(
    ("read", "options", "steps"),
    [
        ({}, ME, ["steps/one_server.yml"]),
        ({}, OWN, ["/before.yml", "steps/one_server.yml", "/after.yml", NEXT]),
        ({"s1": DOWN}, OWN._replace(allow_outage=True), ["/before.yml", "steps/one_server.yml", "/after.yml", NEXT]),
        (DONE, OWN, ["steps/settle.yml"]),  # it has to be back; the operator's tasks are for servers that are moved
        ({name: {"todo": False} for name in ORDER}, OWN, []),
        ({name: {"todo": False, "untold": True} for name in ORDER}, OWN, ["steps/settle.yml"]),
        ({"s3": DOWN}, CHECK, []),  # it cannot be rehearsed
        ({"s3": DOWN}, OWN._replace(check_mode=True), ["/before.yml", "/after.yml", NEXT]),
        (DONE, CHECK, []),
    ],
)
def test_what_is_done_in_a_turn(read: dict[str, dict[str, Any]], options: Options, steps: list[str]) -> None:
    found = at(three(**read), options=options)
    assert found.steps == steps


def test_no_other_server_comes_before_tasks_after_a_server_have_ended() -> None:
    """Where the work comes last, it says itself that the server is done."""
    before, after = ME._replace(pre_tasks_file="/x.yml"), ME._replace(post_tasks_file="/x.yml")
    assert at(three(), options=before).steps == ["/x.yml", "steps/one_server.yml"]
    assert at(three(), options=after).steps == ["steps/one_server.yml", "/x.yml", NEXT]
    only = at(three(s3=DOWN), options=before._replace(check_mode=True))
    assert only.steps == ["/x.yml", NEXT], "there is no work that would say so"


def test_where_nobody_is_left_to_ask_the_operators_tasks_are_run_all_the_same() -> None:
    outage = OWN._replace(allow_outage=True)
    assert at(three(s1=DOWN)[:1], options=outage).steps == ["/before.yml", "steps/alone.yml", "/after.yml", NEXT]


def test_questions_are_asked_once_in_a_rehearsal() -> None:
    assert (at(three()).gate_timeout, at(three(), options=CHECK).gate_timeout) == (30, 0)
    assert at(three()).looks_again and not at(three(), options=CHECK).looks_again


def test_a_pause_is_between_two_servers_that_were_or_will_be_out() -> None:
    times = {"times": {"stop": 1.0}}
    pausing = ME._replace(pause_between=5)
    assert at(three(s2=times), options=pausing).pauses
    assert not at(three(), options=pausing).pauses, "nothing has been done yet"
    assert not at(three(s2=times)).pauses
    assert not at(three(s1={"todo": False}, s2=times), options=pausing).pauses
    assert not at(three(s2=times), options=pausing._replace(check_mode=True)).pauses


def test_the_leaders_snapshot_is_saved_once() -> None:
    assert at(three()).saves_first and not at(three(s3={"snapshot": "/x.snap"})).saves_first
    assert at(three(s3={"snapshot": "/x.snap"})).saves
    assert not at(three(s1=DOWN)).saves and not at(three(s1=DOWN)).saves_first


def test_the_first_host_does_what_is_done_once() -> None:
    assert at(three()).first and not at(three(), "s2").first


def test_voters_are_those_of_the_plan_and_afterwards_this_one() -> None:
    known = {"view_planned": {"leader": "id-s2", "voters": ["id-s2", "id-s3"]}, "peers_planned": PEERS[1:2]}
    found = at(three(s1=DOWN, s2=known))
    assert (found.voters, found.voters_after) == (["id-s2", "id-s3"], ["id-s2", "id-s3", "id-s1"])


def test_a_hold_is_unfinished_until_it_is_released() -> None:
    now = at(three(), so_far=SO_FAR._replace(held={"previous": False}))
    assert now.unfinished and now.hold == {"previous": False}
    held = three(s2={"previous": True})
    assert at(held).unfinished and at(held).hold == {"previous": True} and not at(three()).unfinished
    assert "stays off until a run ends well" in at(held).hold_note
    assert at(held, so_far=SO_FAR._replace(released=True)).hold_note == ""
    assert at(three(), so_far=SO_FAR._replace(held={"failed": True})).hold_note.endswith("sees to it.")


def test_answers_of_tasks_that_failed_or_were_skipped_say_nothing() -> None:
    results = [
        {"failed": True, "observation": {"agent": None}},
        {"skipped": True},
        {"observation": {"agent": {"id": "a"}}},
    ]
    found = answers({"group": ["s1"], "others": results, "settings": [{"unreachable": True}], "judged": None}, None)
    assert (found.others, found.settings, found.judged) == ([{"id": "a"}], None, None)
    asked = {"settings": [{"config": {"min_quorum": 0}}, {"config": {"min_quorum": 3}}, {"skipped": True}]}
    assert answers(asked, BEFORE).settings == {"min_quorum": 3} and answers(asked, BEFORE).judged == BEFORE
