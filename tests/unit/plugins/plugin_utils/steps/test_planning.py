# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning a roll: what is shown, what is asked in which order, and that each answer can end it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import Server
from ansible_collections.raftops.nomad.plugins.plugin_utils._confirm import NotAsked
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps import planning
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import Stopped
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.planning import Asking, make_plan, to_copy
from support.rolls.scripted import Script
from support.rolls.servers import ME, PEERS, led

LOCK, HEALTHY, ASK = "No other run here rolls these servers", "The cluster is healthy", "Ask before anything is changed"
ORDER = [LOCK, HEALTHY, ASK]
CHECK = ME._replace(check_mode=True)
ASKED, FORCED = Asking(force=False, timeout_s=90), Asking(force=True, timeout_s=90)
NONE_LEFT = {name: {"todo": False} for name in ("s1", "s2", "s3")}
DOWN = {"up": False, "ours": True, "role": "down", "error": "refused", "rank": 0}
RISKY = {"needs": 9, "available": 8}


def script(tolerance: int = 1) -> Script:
    healthy = [{"id": f"id-{name}", "healthy": True} for name in ("s1", "s2", "s3")]
    view = {"leader": "id-s1", "voters": ["id-s1", "id-s2", "id-s3"], "failure_tolerance": tolerance}
    return Script({HEALTHY: {"observation": {"autopilot": {**view, "servers": healthy}}}})


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that a person sees."""
    lines: list[str] = []
    monkeypatch.setattr(planning, "say", lines.extend)
    return lines


def made(run: Script, servers: list[Server] | None = None, options: Any = ME, asking: Asking = ASKED) -> dict[str, Any]:
    result: dict[str, Any] = {}
    make_plan(run, servers or led(), options, asking, result)
    return result


@pytest.mark.usefixtures("shown")
def test_other_runs_are_kept_out_then_the_leader_is_asked_then_a_person() -> None:
    run = script()
    result = made(run)
    assert run.done == ORDER and result["tolerance"] == 1 and not result["refused"]
    assert [(call.asks, call.rehearses) for call in run.calls] == [(False, False), (True, False), (False, False)]
    assert run.asked(LOCK)[1:3] == ("raftops.nomad.raft_roll_lock", {"servers": ["id-s1", "id-s2", "id-s3"]})
    assert run.asked(HEALTHY)[1:3] == (
        "raftops.nomad.server_wait",
        {
            "until": "healthy", "server_id": "", "repair": False, "allow_outage": False, "wait_timeout": 15,
            "stable_for": 1,
        },
    )  # fmt: skip
    assert run.asked(ASK)[1:3] == (
        "raftops.nomad.raft_confirm",
        {"msg": result["question"], "hosts": result["busy"], "force": False, "timeout": 90},
    )
    assert result["busy"] == ["s1", "s2", "s3"]


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize("doing", ORDER)
def test_nothing_is_asked_after_what_has_failed(doing: str) -> None:
    run = script().fails(doing)
    with pytest.raises(Stopped) as told:
        made(run)
    assert run.done == ORDER[: ORDER.index(doing) + 1]
    assert (told.value.doing, told.value.message) == (doing, f"no {doing}")


def test_what_stands_against_the_roll_is_told_after_the_plan_and_before_anything_is_asked(shown: list[str]) -> None:
    run, result = script(), {}
    with pytest.raises(Stopped) as told:
        make_plan(run, led(s2={"obstacles": ["no space"]}), ME, ASKED, result)
    assert (told.value.doing, told.value.message) == (
        "Nothing stands against the roll",
        "s2: no space. Nothing was changed.",
    )
    assert run.done == [] and shown == result["lines"] and result["refused"]


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize(("tolerance", "least"), [(0, 1), (1, 2)])
def test_a_cluster_that_can_lose_fewer_than_asked_ends_it_before_a_person_is_asked(tolerance: int, least: int) -> None:
    run, result = script(tolerance), {}
    with pytest.raises(Stopped) as told:
        make_plan(run, led(), ME._replace(min_failure_tolerance=least), FORCED, result)
    assert told.value.doing == "The cluster can lose enough servers" and run.done == [LOCK, HEALTHY]
    assert f"is {tolerance}, not {least} or more" in told.value.message
    assert (result["tolerance"], result["refused"]) == (tolerance, True)


@pytest.mark.usefixtures("shown")
def test_the_one_server_that_is_down_does_not_count_and_is_repaired() -> None:
    run = script()
    made(run, led(s2=DOWN), CHECK._replace(allow_outage=True))
    asked = run.asked(HEALTHY).args
    assert (asked["until"], asked["server_id"], asked["repair"]) == ("stoppable", "id-s2", True)
    assert (asked["allow_outage"], asked["wait_timeout"]) == (True, 0)


@pytest.mark.usefixtures("shown")
def test_where_there_is_nothing_to_do_nobody_is_asked() -> None:
    run = script()
    assert made(run, led(**NONE_LEFT))["queue"] == [] and run.done == [LOCK]


@pytest.mark.usefixtures("shown")
def test_where_nobody_leads_because_of_an_outage_only_a_person_is_asked() -> None:
    run = script()
    made(run, led(s1={**DOWN, "peers_planned": PEERS[:1], "peers": PEERS[:1]})[:1], ME._replace(allow_outage=True))
    assert run.done == [LOCK, ASK]


@pytest.mark.parametrize(
    ("options", "asking", "whole"),
    [(ME, FORCED, True), (CHECK, ASKED, True), (CHECK, FORCED, True), (ME, ASKED, False)],
)
def test_the_plan_is_shown_and_above_a_question_that_shows_it_only_the_notes(
    shown: list[str], options: Any, asking: Asking, whole: bool
) -> None:
    result = made(script(), led(s2=RISKY), options, asking)
    assert result["notes"] and shown == (result["lines"] if whole else result["notes"])
    assert all(host in result["question"] for host in ("s1", "s2", "s3"))


def test_the_plan_is_shown_where_nobody_can_be_asked(shown: list[str]) -> None:
    """The question has it, and was not shown."""
    others = script()

    def run(doing: str, *given: Any, **more: Any) -> Any:
        if doing == ASK:
            raise Stopped(doing, "There is no terminal to ask at.") from NotAsked("There is no terminal to ask at.")
        return others(doing, *given, **more)

    result: dict[str, Any] = {}
    with pytest.raises(Stopped):
        make_plan(run, led(s2=RISKY), ME, ASKED, result)
    assert sorted(shown) == sorted(result["lines"]) and result["notes"]


def test_a_plan_without_anything_to_do_is_shown(shown: list[str]) -> None:
    assert made(script(), led(**NONE_LEFT))["lines"] == shown and shown


def test_a_server_is_chosen_where_some_need_a_stop_and_only_then() -> None:
    assert to_copy(led(), ME, []) == ME
    assert to_copy(led(), ME, ["s1", "s3"]) == ME._replace(copies="s3")
    with pytest.raises(Stopped) as told:
        to_copy(led(), ME, ["s1"])
    assert told.value.message.startswith("Only the leader is on a file system that cannot clone")


@pytest.mark.usefixtures("shown")
def test_a_copy_is_asked_about_as_a_roll_is_in_words_of_its_own() -> None:
    run = script()
    result = made(run, options=ME._replace(copies="s2"))
    assert run.done == ORDER and (result["queue"], result["copies"]) == (["s2"], "s2")
    asked = run.asked(ASK).args
    assert asked["hosts"] == ["s2"] and asked["msg"].startswith("For a rehearsal this Nomad server is stopped")


@pytest.mark.usefixtures("shown")
def test_a_cluster_that_can_lose_none_refuses_a_copy_too() -> None:
    run = script(tolerance=0)
    with pytest.raises(Stopped) as told:
        made(run, options=ME._replace(copies="s2"), asking=FORCED)
    assert told.value.doing == "The cluster can lose enough servers" and run.done == [LOCK, HEALTHY]
