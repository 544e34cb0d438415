# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a whole roll, of those that fail at each stage, of a lost host and of a re-run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._record.build import NEXT, build
from ansible_collections.raftops.nomad.plugins.module_utils._record.kinds import event
from support.records import stories
from support.records.stories import Story


def of(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The record, as one finds it in NAME.json."""
    record: dict[str, Any] = json.loads(json.dumps(build("CHG-1", events), allow_nan=False))
    return record


def test_a_roll_that_ends_well() -> None:
    record = of(stories.roll())
    assert (record["schema"], record["name"], record["outcome"], record["next"]) == (1, "CHG-1", "done", "")
    assert record["verdict"] == "Done: 3 of 3 on wal. The old stores stay until you run cleanup."
    (run,) = record["runs"]
    assert (run["by"], run["controller"], run["collection"], run["ansible"]) == (
        "operator", "controller-1", "1.0.0", "2.21.0",
    )  # fmt: skip
    assert run["began"] == "2026-11-25T12:47:15.250Z" and run["out_at_once"] == 1
    assert run["plan"]["queue"] == ["nomad-2", "nomad-3", "nomad-1"] and run["plan"]["lines"]
    assert [hold["held"] for hold in run["holds"]] == [True, False]
    assert record["writes"]["refused"] == 0
    assert record["latency"]["before"]["nomad-1"]["nomad.raft.commitTime"] == 3.6
    assert record["latency"]["after"]["nomad-2"]["nomad.raft.commitTime"] == 1.476


@pytest.mark.parametrize("stage", stories.STAGES)
def test_a_roll_that_fails(stage: str) -> None:
    record = of(stories.failed(stage))
    left, message = stories.FAILED[stage]
    assert record["outcome"] == "failed" and message in record["verdict"] and record["next"] == NEXT["failed"]
    (failure,) = record["runs"][-1]["failures"]
    assert (failure["server"], failure["step"], failure["left"]) == ("nomad-3", stage, left)
    assert [row["state"] for row in record["servers"]] == ["done", "failed", "waiting"]


def test_of_a_server_that_a_rerun_has_done_nothing_of_the_failure_is_said() -> None:
    row = next(one for one in of(stories.resumed())["servers"] if one["server"] == "nomad-3")
    assert row["state"] == "done" and "message" not in row and "left" not in row


def test_a_hold_that_goes_on_is_told_once_and_so_is_its_release_on_every_host() -> None:
    story = Story()
    stories.began(story)
    for kind, server in ("held", "a"), ("held", "b"), ("released", "a"), ("released", "b"), ("held", "c"):
        story.note(kind, server=server)
    (run,) = of(story.events)["runs"]
    assert [(one["server"], one["held"]) for one in run["holds"]] == [("a", True), ("a", False), ("c", True)]


def test_a_lost_host() -> None:
    record = of(stories.lost())
    assert record["outcome"] == "failed" and record["runs"][0]["failures"][0]["unreachable"]
    lost = record["servers"][1]
    assert (lost["server"], lost["state"], lost["left"], lost["after"]) == ("nomad-3", "failed", "unknown", "")


def test_a_rerun_adds_to_it() -> None:
    record = of(stories.resumed())
    assert [run["outcome"] for run in record["runs"]] == ["failed", "done"] and record["outcome"] == "done"
    assert [row["state"] for row in record["servers"]] == ["done"] * 3
    first = next(row for row in record["servers"] if row["server"] == "nomad-2")
    assert first["phases"]["total"] and first["before"] == "boltdb", "what the first run has done is not forgotten"


def test_while_it_is_under_way() -> None:
    events = stories.roll()
    for length in range(1, len(events)):
        record = of(events[:length])
        assert (
            record["outcome"] == "unfinished"
            and "The last that was noted of this run was at 2026-" in record["verdict"]
        )


def ended(check: bool = False, refusal: str = "", work: bool = True, **end: Any) -> str:
    story = Story()
    stories.began(story, check=check)
    stories.planned(story, stories.names(3), refusal=refusal)
    if work:
        stories.worked(story, "nomad-2", 0)
    story.note("run_ended", **{"ok": True, "verdict": "v", **end})
    return str(of(story.events)["outcome"])


def test_how_a_run_may_end() -> None:
    assert ended() == "done"
    assert ended(complete=False) == "partial"
    assert ended(work=False) == "nothing"
    assert ended(check=True, work=False) == "rehearsed"
    assert ended(refusal="It must not. Nothing was changed.", work=False, ok=False) == "refused"
    assert ended(ok=False) == "failed"


def test_a_plan_that_refuses_is_no_failure_whatever_else_is_noted() -> None:
    story = Story()
    stories.began(story)
    stories.planned(story, stories.names(3), refusal="It must not. Nothing was changed.")
    story.note("failed", message="It must not. Nothing was changed.")
    story.note("run_ended", ok=False, complete=False)
    assert of(story.events)["outcome"] == "refused"


def test_a_refusal_is_the_verdict_of_a_run_that_says_nothing_else() -> None:
    story = Story()
    stories.began(story)
    stories.planned(story, stories.names(3), refusal="It must not. Nothing was changed.")
    record = of(story.events)
    assert (record["outcome"], record["verdict"]) == ("refused", "It must not. Nothing was changed.")


def test_of_two_looks_at_latency_the_first_before_and_the_last_after_count() -> None:
    events = stories.roll()
    for when in "before", "after":
        events.append(event("latency", 2e9, {"server": "nomad-1", "when": when, "metrics": {"m": 9.0}}))
    latency = of(events)["latency"]
    assert "m" not in latency["before"]["nomad-1"] and latency["after"]["nomad-1"] == {"m": 9.0}


def test_what_a_writer_saw_may_be_noted_long_after_the_run() -> None:
    events = [one for one in stories.roll() if one["kind"] != "writes"]
    later = [*events, event("writes", 2e9, {"tried": 9, "refused": 0})]
    assert of(later)["runs"] == of(events)["runs"] and of(later)["writes"]["tried"] == 9


def test_without_events_there_is_no_run() -> None:
    record = of([])
    assert (record["runs"], record["servers"], record["outcome"], record["written"]) == ([], [], "", None)
    assert of([event("leads", 1.0, {"server": "a"})])["runs"] == []
