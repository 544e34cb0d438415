# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When what was done on which server: the phases of the host's own clock in the time of the controller."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._record.timeline import OUT, lanes, leaders, out_at_once
from support.records import stories
from support.records.stories import Story


def drawn(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    ended = max(one["at"] for one in events)
    return {lane["server"]: lane["segments"] for lane in lanes(events, events[0]["at"], ended)}


def steps(segments: list[dict[str, Any]]) -> list[str]:
    return [one["step"] for one in segments]


def call(skew_s: float = 0.0, **instead: Any) -> list[dict[str, Any]]:
    """The segments of one call of server_backend, on a host whose clock is ahead."""
    story = Story()
    stories.began(story)
    stories.worked(story, "a", 0, **instead)
    for one in story.events:
        if "began_at" in one:
            one["began_at"] += skew_s
    return drawn(story.events)["a"]


def test_one_lane_for_each_server_in_the_order_of_the_plan() -> None:
    found = drawn(stories.failed("start"))
    assert list(found) == ["nomad-2", "nomad-3", "nomad-1"] and found["nomad-1"] == []


def test_a_whole_turn() -> None:
    turn = steps(drawn(stories.roll())["nomad-1"])
    assert turn == [
        "look", "gate", "transfer", "write", "snapshot", "write", "hold", "gate", "stop", "convert", "start", "rejoin",
        "stable", "write", "prove",
    ]  # fmt: skip


def test_segments_follow_each_other() -> None:
    for segments in drawn(stories.roll(8)).values():
        for one, after in zip(segments, segments[1:]):
            assert one["began"] <= one["ended"] <= after["began"] + 0.0011


@pytest.mark.parametrize("skew_s", [0.0, -3600.0, 3600.0, 0.2])
def test_a_host_whose_clock_is_wrong(skew_s: float) -> None:
    found = call(skew_s)
    times = {one["step"]: one["ended"] - one["began"] for one in found}
    for step, length in (("stop", 0.41), ("convert", 0.33), ("start", 0.12), ("rejoin", 0.52)):
        assert times[step] == pytest.approx(length, abs=0.002)
    assert found[0]["began"] == 0.0 and found[-1]["ended"] == pytest.approx(11.88, abs=0.002)


def test_an_answer_that_took_less_than_the_work() -> None:
    """The run of one that had lost its controller: this call has only fetched its answer."""
    found = call(phases={"stop": 50.0, "conversion": 100.0, "start": 50.0})
    assert steps(found) == ["stop", "convert", "start"]
    assert found[-1]["ended"] == pytest.approx(11.88, abs=0.002) and found[1]["began"] == pytest.approx(2.97, abs=0.01)


@pytest.mark.parametrize(
    ("step", "marked"),
    [
        ("last look", "gate"),
        ("configuration", "convert"),
        ("conversion", "convert"),
        ("start", "start"),
        ("log", "stable"),
    ],
)
def test_where_it_failed(step: str, marked: str) -> None:
    found = call(failed=True, step=step, failure="no", left="put_back")
    assert [(one["step"], one.get("message")) for one in found if not one["ok"]] == [(marked, "no")]


@pytest.mark.parametrize(("stage", "marked", "length_s"), [("stop", "stop", 1.298), ("conversion", "convert", 0.745)])
def test_a_step_that_fails_is_not_timed_but_drawn(stage: str, marked: str, length_s: float) -> None:
    """It has all the time before the start that no other step has, and so that of the last look."""
    found = drawn(stories.failed(stage))["nomad-3"]
    work = found[steps(found).index("stop") :]
    assert steps(work) == [*(["stop"] if stage == "stop" else ["stop", "convert"]), "start", "rejoin", "stable"]
    (failed,) = [one for one in found if not one["ok"]]
    assert failed["step"] == marked
    assert failed["ended"] - failed["began"] == pytest.approx(length_s, abs=0.002)


@pytest.mark.parametrize(("step", "marked"), [("conversion", "convert"), ("start", "start"), ("rejoin", "rejoin")])
def test_one_that_was_brought_back_was_out_for_as_long_as_it_has_measured(step: str, marked: str) -> None:
    """Its phases are those of the last start; what failed before has the rest of all the time out."""
    found = call(
        failed=True, step=step, left="returned", phases={"stop": 0.5, "start": 0.25, "rejoin": 1.0, "total": 9.5}
    )
    out = {one["step"]: one["ended"] - one["began"] for one in found if one["step"] in OUT}
    assert sum(out.values()) == pytest.approx(9.5, abs=0.002)
    (failed,) = [one for one in found if not one["ok"]]
    assert failed["step"] == marked and out[marked] >= 7.75


def test_one_that_has_not_come_back_is_out_until_it_was_given_up() -> None:
    found = drawn(stories.failed("rejoin"))["nomad-3"]
    assert found[-1]["step"] == "rejoin" and not found[-1]["ok"] and found[-1]["ended"] - found[-1]["began"] > 9


def test_one_that_is_left_down_is_out_to_the_end() -> None:
    story = Story()
    stories.began(story)
    stories.worked(story, "a", 0, failed=True, step="start", failure="no", left="down", phases={"stop": 0.4})
    story.at += 100
    story.note("run_ended", ok=False)
    last = drawn(story.events)["a"][-1]
    assert last["step"] == "down" and not last["ok"] and last["ended"] == pytest.approx(111.88, abs=0.01)


def test_a_step_whose_end_was_not_heard_of() -> None:
    last = drawn(stories.lost())["nomad-3"][-1]
    assert last["step"] == "backend" and last["unfinished"] and not last["ok"]
    assert last["ended"] - last["began"] == pytest.approx(21.4, abs=0.01)


def test_a_failure_marks_the_last_step_of_its_server() -> None:
    events = stories.roll()
    events[-1:] = [{"kind": "failed", "at": events[-1]["at"], "server": "nomad-1", "message": "no"}]
    assert [one["step"] for one in drawn(events)["nomad-1"] if not one["ok"]] == ["prove"]


def test_who_led() -> None:
    events = stories.roll()
    first, second = leaders(events, events[0]["at"], events[-1]["at"])
    assert (first["server"], second["server"]) == ("nomad-1", "nomad-2"), "by its id, which the plan has"
    assert first["began"] == pytest.approx(2.1) and first["ended"] == second["began"] > 30
    assert second["ended"] == pytest.approx(events[-1]["at"] - events[0]["at"], abs=0.002)


def test_how_many_were_out_at_once() -> None:
    def lane(*spans: tuple[float, float]) -> dict[str, Any]:
        return {"segments": [{"step": OUT[0], "began": began, "ended": ended} for began, ended in spans]}

    assert out_at_once([]) == 0
    assert out_at_once([lane((0, 1), (1, 2)), lane((2, 3))]) == 1
    assert out_at_once([lane((0, 2.5)), lane((2, 3))]) == 2
    assert out_at_once([{"segments": [{"step": "stable", "began": 0, "ended": 9}]}]) == 0
