# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page tells: how it ended, what failed, what comes next."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._record.build import NEXT, build
from ansible_collections.raftops.nomad.plugins.module_utils._record.page import story
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host import left
from support.records import stories
from support.records.reading import read


def text(html: str) -> str:
    return read(html).text


def figures(events: list[dict[str, Any]]) -> dict[str, str]:
    cards = read(story.figures(build("x", events))).every("div", "figure")
    return {next(card.every("span")).text: next(card.every("b")).text for card in cards}


def test_every_outcome_has_words() -> None:
    assert set(story.OUTCOMES) == {*NEXT, ""}


def test_every_way_in_which_a_server_is_left_has_words() -> None:
    names = {value for name, value in vars(left).items() if name.isupper() and isinstance(value, str)}
    assert set(story.LEFT) == names >= {"untouched", "down"}


def test_the_head_of_a_roll_that_ended_well() -> None:
    told = text(story.head(build("x", stories.roll())))
    assert told == (
        "nomad_servers to wal done 2026-11-25 12:47:15 UTC to 2026-11-25 12:48:05 UTC \u00b7 49.8 s \u00b7 by operator "
        "on controller-1 Done: 3 of 3 on wal. The old stores stay until you run cleanup."
    )


@pytest.mark.parametrize("stage", stories.STAGES)
def test_a_failure_is_told_once_with_what_is_left_and_what_to_do(stage: str) -> None:
    record = build("x", stories.failed(stage))
    head, failed = text(story.head(record)), text(story.failures(record))
    state, message = stories.FAILED[stage]
    assert f"{head} {failed}".count(message) == 1 and NEXT["failed"] in head
    assert failed.startswith("nomad-3 failed (") and story.LEFT[state] in failed


def test_a_lost_host() -> None:
    failed = text(story.failures(build("x", stories.lost())))
    assert "cannot be reached" in failed and story.LEFT["unknown"] in failed


def test_what_failed_in_an_earlier_run_is_told_there() -> None:
    record = build("x", stories.resumed())
    assert story.failures(record) == ""
    told = text(story.runs(record))
    assert told.index("Run 2, ") < told.index("Run 1, ") < told.index("the start command ended")


def test_the_figures() -> None:
    told = figures(stories.roll())
    assert told == {
        "servers on wal": "3 of 3",
        "longest out of the cluster (nomad-3)": "1.86 s",
        "out at the same time, at most": "1",
        "writes refused meanwhile": "0 of 4\u202f312",
        "longest without a write": "0.21 s",
        "nomad.\u200braft.\u200bcommitTime": "3.60 \u2192 1.48 ms",
    }
    assert figures(stories.failed("start"))["servers on wal"] == "1 of 3"


def test_lost_writes_are_a_figure() -> None:
    events = stories.roll()
    events[-2]["lost"] = 2
    assert figures(events)["acknowledged writes lost"] == "2"


def test_warnings_once_with_the_notes_of_the_plan() -> None:
    made = stories.Story()
    for at in range(2):
        stories.began(made, str(at))
        stories.planned(made, stories.names(3), notes=["a: slow disk"])
        made.note("warning", server="b", message="no log")
    assert text(story.warnings(build("x", made.events))) == "a: slow disk b: no log"


def test_the_plan_and_the_end_as_they_were_said() -> None:
    told = text(story.plans(build("x", stories.roll())))
    assert "order  server" in told and "out of the cluster 1.38 s" in told


def test_a_refusal_is_told() -> None:
    made = stories.Story()
    stories.began(made)
    stories.planned(made, stories.names(3), refusal="It must not.")
    assert "Refused: It must not." in text(story.plans(build("x", made.events)))
    made.note("failed", message="It must not.")
    assert text(story.failures(build("x", made.events))).startswith("nomad_servers refused, ")


def test_with_what_it_was_made() -> None:
    told = text(story.versions(build("x", stories.roll())))
    assert "raftops.nomad 1.0.0, ansible-core 2.21.0, Python 3.13.1" in told and "operator on controller-1" in told


def test_headings() -> None:
    made = stories.Story()
    stories.began(made, playbook="cleanup", backend="")
    assert story.heading(build("x", made.events)) == "Old stores removed from nomad_servers"
    assert story.heading(build("x", [])) == "x"
