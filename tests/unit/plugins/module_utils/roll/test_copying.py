# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsal that stops one follower: which one, what is refused, what is done there and what is said."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.closing import at_end
from ansible_collections.raftops.nomad.plugins.module_utils._roll.copying import (
    backend,
    chosen,
    marked,
    question,
    state,
    unfinished,
    verdict,
)
from ansible_collections.raftops.nomad.plugins.module_utils._roll.plan import action, plan
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import found
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.end import on_backend
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.failure import Said, failure
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.turn import (
    TOGETHER,
    Answered,
    leadership,
    stoppable,
    turn,
)
from support.rolls.scripted import look
from support.rolls.servers import ME, NAMES, led, server

COPIES = ME._replace(copies="s2")
ALL = list(NAMES)
LEFT_DOWN = {"up": False, "ours": True, "role": "down", "error": "refused", "rank": 0, "running": ""}
ON_WAL = {"running": "wal", "configured": "wal", "store": "wal", "todo": False}


@pytest.mark.parametrize(
    ("needing", "instead", "host"),
    [
        (ALL, {}, "s2"),
        (["s3"], {}, "s3"),
        (["s1"], {}, ""),
        (ALL, {"s2": {"up": False}}, "s3"),
        (ALL, {"s3": LEFT_DOWN}, "s3"),
        (ALL, {"s3": {"at_work": True}}, "s3"),
        (ALL, {"s3": {**LEFT_DOWN, "ours": False}}, "s2"),
    ],
)
def test_the_first_follower_that_needs_it_is_taken_but_first_one_that_was_left_down(
    needing: list[str], instead: dict[str, Any], host: str
) -> None:
    assert chosen(led(**instead), needing) == host


def test_the_leader_is_never_taken_wherever_it_stands() -> None:
    for leader in NAMES:
        servers = [server(name, role="leader" if name == leader else "follower") for name in NAMES]
        assert chosen(servers, ALL) not in ("", leader)


@pytest.mark.parametrize("on", [{}, ON_WAL])
def test_the_plan_is_of_this_server_alone_whatever_backend_all_are_on(on: dict[str, Any]) -> None:
    servers = led(**{name: on for name in NAMES})
    made = plan(servers, COPIES)
    assert (made.queue, made.busy, made.begins, made.asks, made.copies) == (["s2"], ["s2"], True, True, "s2")
    assert [action(one, COPIES) for one in marked(servers, COPIES)] == ["nothing", "copy", "nothing"]
    assert "s2" in made.question and "its Raft log store is copied" in made.question and "s3" not in made.question


def test_a_roll_is_planned_as_ever() -> None:
    assert marked(led(), ME) == led() and plan(led(), ME).queue == ["s1", "s2", "s3"]


@pytest.mark.parametrize(
    ("instead", "words"),
    [
        ({"s2": {"obstacles": ["no space"]}}, "s2: no space."),
        ({"s1": {"role": "follower"}}, "No server says that it leads"),
        ({"s3": {"version": "1.11.3"}}, "The WAL backend came with Nomad 2.0.0."),
        ({"s3": {**LEFT_DOWN, "ours": False}}, "No server can be taken out of the cluster while another is down."),
        ({"s3": {"interrupted": True}}, "A conversion is unfinished on s3."),
        ({"s2": {"configured": "wal"}}, "A conversion is unfinished on s2."),
        ({"s2": {"running": "wal"}}, "A conversion is unfinished on s2."),
    ],
)
def test_what_refuses_a_roll_refuses_this(instead: dict[str, Any], words: str) -> None:
    made = plan(led(**instead), COPIES)
    assert made.refused and made.refusal.startswith(words) and made.refusal.endswith("Nothing was changed.")


def test_a_conversion_that_is_unfinished_is_no_matter_in_a_roll() -> None:
    servers = led(s2={"configured": "wal", "interrupted": True})
    assert unfinished(servers, ME) == "" and unfinished(servers, COPIES)
    assert unfinished(led(s2={**LEFT_DOWN}), COPIES) == "", "it runs nowhere, and is to be brought back"


def test_one_that_was_left_down_is_brought_back_to_what_it_is_configured_for() -> None:
    down, up = server("s2", **LEFT_DOWN), server("s2")
    assert (state(up), backend(up)) == ("copied", "boltdb")
    assert (state(down), backend(down)) == ("present", "boltdb")
    assert backend(server("s2", **{**LEFT_DOWN, "configured": "wal", "store": "wal"})) == "wal"
    assert "is brought back" in question(led(s2=LEFT_DOWN), COPIES) and action(down, COPIES) == "finish"


@pytest.mark.parametrize("on", ["boltdb", "wal"])
def test_its_turn_comes_although_it_has_nothing_to_do(on: str) -> None:
    read = look("s2", on)["server"]
    assert [found(name, read, COPIES).todo for name in NAMES] == [False, True, False]
    so_far = Answered(group=NAMES, batch=["s2"], order=["s2"])
    taken = turn(led(s2={"todo": True}), "s2", COPIES, so_far)
    assert (taken.comes, taken.steps, taken.holds, taken.saves) == (True, [TOGETHER], True, True)


def test_one_that_leads_by_now_is_not_stopped_and_leadership_stays() -> None:
    leader = server("s2", role="leader")
    assert "no leader is stopped for a rehearsal" in stoppable(leader, COPIES).refusal
    assert not stoppable(leader, ME).refused and not stoppable(server("s2"), COPIES).refused
    view = server("s1", view={"leader": "id-s2", "voters": ["id-s1", "id-s2"], "servers": []}).view
    asked = Answered(group=NAMES, judged=view)
    assert leadership(leader, False, ME, asked).moves
    kept = leadership(leader, False, COPIES, asked)
    assert not kept.moves and kept.must_follow, "server_backend then refuses"


@pytest.mark.parametrize(
    ("worked", "left"),
    [
        ({"phases": {"stop": 1.0}}, "running"),
        ({"failed": True, "left": "running", "step": "rejoin", "failure": "no", "again": ""}, "running"),
    ],
)
def test_one_that_runs_and_has_not_passed_is_never_taken_to_the_other_backend(
    worked: dict[str, Any], left: str
) -> None:
    said = Said({"task": "It applies", "message": "no"}, worked=worked)
    assert failure(led(), "s2", ME, said).returns, "in a roll"
    told = failure(led(), "s2", COPIES, said)
    assert (told.left, told.returns, told.is_back) == (left, False, False)
    assert "Its agent runs, on the store that it had." in told.message and "switched" not in told.message


@pytest.mark.parametrize(("on", "other"), [("boltdb", "wal"), ("wal", "boltdb")])
def test_a_failure_names_the_backend_that_the_server_is_on(on: str, other: str) -> None:
    worked = {"failed": True, "left": "unswitched", "step": "start", "failure": "no", "again": "no", "phases": {}}
    servers = led(s2={"running": on, "configured": on, "store": on})
    message = failure(servers, "s2", COPIES, Said({"task": "", "message": ""}, worked=worked)).message
    assert f"It could not be brought back to {on}: no." in message and other not in message.split("brought back")[0]


def test_the_end_is_proven_on_the_backend_that_each_server_is_on() -> None:
    assert not on_backend(server("s2"), COPIES).refused and on_backend(server("s2"), ME).refused
    assert on_backend(server("s2", configured="wal"), COPIES).refused


def test_the_end_says_what_was_done() -> None:
    servers = led(s2={"times": {"stop": 0.5, "total": 2.25}, "done": True})
    lines = at_end(servers, COPIES)
    assert lines[-1] == verdict(COPIES) == "s2 was out of the cluster for the rehearsal, and is back as it was."
    assert any(line.startswith("s2: on boltdb, out of the cluster 2.25 s") for line in lines)
