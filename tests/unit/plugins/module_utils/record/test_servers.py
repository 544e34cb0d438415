# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of each server at the end."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._record.servers import servers
from support.records import stories
from support.records.stories import Story


def row(host: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    return next(one for one in servers(events) if one["server"] == host)


def test_one_that_was_brought_over() -> None:
    found = row("nomad-1", stories.roll())
    assert (found["state"], found["before"], found["after"]) == ("done", "boltdb", "wal")
    assert (found["role"], found["version"], found["size"]) == ("leader", "2.0.5", 33554432)
    assert found["conversion"]["verified"] == 8123 and found["conversion"]["backup"].endswith(
        ".migrated.20261125-124715"
    )
    assert found["configuration"]["changed_files"] == ["/srv/nomad-1/config/raft_logstore.hcl"]
    (snapshot,) = found["snapshots"]
    assert snapshot["of"] == "server" and len(snapshot["sha256"]) == 64
    assert found["agent_started"] > stories.BEGAN


@pytest.mark.parametrize(
    ("stage", "after"), [("gate", "boltdb"), ("stop", "boltdb"), ("conversion", "boltdb"), ("start", "boltdb"),
                         ("rejoin", "wal")]
)  # fmt: skip
def test_on_which_backend_a_failure_has_left_it(stage: str, after: str) -> None:
    found = row("nomad-3", stories.failed(stage))
    assert (found["state"], found["after"]) == ("failed", after)
    assert stories.FAILED[stage][1] in found["message"]


@pytest.mark.parametrize("left", ["down", "halfway", "unknown"])
def test_after_some_failures_nobody_knows(left: str) -> None:
    story = Story()
    stories.worked(story, "a", 0, failed=True, left=left, step="start")
    assert servers(story.events)[0]["after"] == ""


def test_while_it_is_at_work_and_before() -> None:
    events = stories.roll()
    begins = next(at for at, one in enumerate(events) if one.get("step") == "backend" and one["kind"] == "step_began")
    assert row("nomad-2", events[:begins])["state"] == "waiting", "looks and gates change nothing"
    assert row("nomad-2", events[: begins + 1])["state"] == "at work"


def test_one_that_had_nothing_to_do() -> None:
    story = Story()
    stories.planned(story, stories.names(3), done=("nomad-2",))
    found = row("nomad-2", story.events)
    assert (found["state"], found["before"], found["after"]) == ("nothing", "wal", "wal")


def test_a_later_success_counts() -> None:
    found = row("nomad-3", stories.resumed())
    assert found["state"] == "done" and "left" not in found and found["before"] == "boltdb"


def test_one_that_was_taken_back_by_the_others_leave_has_failed() -> None:
    story = Story()
    stories.planned(story, stories.names(3))
    stories.worked(story, "nomad-2", 0)
    stories.worked(story, "nomad-2", 0, backend="boltdb", previous_backend="wal", returned=True)
    assert (row("nomad-2", story.events)["state"], row("nomad-2", story.events)["after"]) == ("failed", "boltdb")


def test_of_a_cleanup() -> None:
    story = Story()
    story.note("removed", server="a", removed=["raft.db.migrated.1"], kept=[], freed_bytes=7)
    assert servers(story.events)[0]["removed"] == {"removed": ["raft.db.migrated.1"], "kept": [], "freed_bytes": 7}
    assert servers(story.events)[0]["state"] == "done"
