# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timeline: one lane for each server, whatever their number, and a text for each that says the same."""

from __future__ import annotations

import re

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._record.build import build
from ansible_collections.raftops.nomad.plugins.module_utils._record.page import lanes
from support.records import stories
from support.records.reading import Element, read


def charts(events: list[dict[str, object]]) -> list[Element]:
    return list(read(lanes.charts(build("x", events)["runs"][-1])).every("div", "chart"))


def places(lane: Element) -> list[tuple[float, float]]:
    """Where the bars of a lane are, in percent."""
    found = [re.fullmatch(r"left:([0-9.]+)%;width:([0-9.]+)%", band.attributes["style"]) for band in lane.every("i")]
    return [(float(one[1]), float(one[2])) for one in found if one]


@pytest.mark.parametrize("count", [1, 3, 11, 40, 80])
def test_one_lane_for_each_server_within_the_chart(count: int) -> None:
    for chart in charts(stories.roll(count)):
        found = list(chart.every("li"))
        assert [next(one.every("span", "name")).text for one in found] == stories.names(count)
        for lane in found:
            bars = places(lane)
            assert len(bars) >= 8 and all(left >= 0 and left + width <= 100.1 for left, width in bars)


def test_a_lane_says_what_it_shows() -> None:
    line, _turns = charts(stories.failed("start"))
    *_rest, failed, untouched = (next(one.every("div", "track")) for one in line.every("li"))
    assert failed.attributes["role"] == "img"
    assert failed.attributes["aria-label"].startswith(
        "nomad-3: look at the server 0.31 s, gates: may it be stopped? 1.18 s"
    )
    assert untouched.attributes["aria-label"] == "nomad-1: nothing was done"
    (band,) = failed.every("i", "failed")
    assert "start: 0.20 s" in band.attributes["title"] and "failed. the start command ended" in band.attributes["title"]


def test_what_is_out_of_the_cluster_is_marked_and_counted() -> None:
    line, _turns = charts(stories.roll())
    lane = next(line.every("li"))
    titles = [band.attributes["title"] for band in lane.every("i", "out")]
    assert [title.split(":")[0] for title in titles] == [
        "stop",
        "configure and convert",
        "start",
        "rejoins the cluster",
    ]
    assert next(lane.every("span", "end")).text == "out 1.38 s"


def test_the_leader_is_marked() -> None:
    line, turns = charts(stories.roll())
    told = [band.attributes["title"] for band in line.every("i", "leads")]
    assert (
        len(told) == 2 and told[0].startswith("nomad-2 leads, from +35.") and told[1].startswith("nomad-1 leads, from")
    )
    assert not list(turns.every("i", "leads"))


def test_the_turns_are_on_one_scale() -> None:
    """In the line of a long roll a turn is a dot; here it is as long as in that of a short one."""
    _line, short = charts(stories.roll(3))
    _line, long = charts(stories.roll(80))
    first = [max(left + width for left, width in places(next(chart.every("li")))) for chart in (short, long)]
    assert first[0] == pytest.approx(first[1], abs=0.5) and first[0] > 80


def test_a_turn_has_neither_what_the_plan_asks_nor_what_comes_at_the_end() -> None:
    """The plan asks one server about the cluster; at the end a write comes through on all of them."""
    story, queue = stories.Story(), stories.names(3)
    stories.began(story)
    story.step("nomad-2", "gate", 3.0)
    stories.planned(story, queue)
    for place in range(3):
        stories.turn(story, queue, place)
    for step in "prove", "write", "look":
        story.step("nomad-2", step, 2.0)
    _line, turns = charts(story.events)
    ends = [next(lane.every("span", "end")).text for lane in turns.every("li")]
    assert ends == ["14.4 s", "14.8 s", "16.9 s"]


def test_an_unknown_step_is_shown_by_its_name() -> None:
    assert lanes.title({"step": "drain_it"}) == "drain it"


def test_where_nothing_was_done_there_is_no_chart() -> None:
    story = stories.Story()
    stories.began(story)
    stories.planned(story, stories.names(3))
    assert charts(story.events) == []


@pytest.mark.parametrize("span", [0.01, 0.4, 1, 49.8, 60, 1219, 86400 * 3, 1e7])
def test_the_axis(span: float) -> None:
    ticks = lanes.ticks_of(span)
    assert 1 <= len(ticks) <= 11 and ticks[0] == 0 and ticks[-1] <= span
    assert span < 0.1 or len(ticks) >= 3
