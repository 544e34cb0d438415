# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's turn has failed: how it is left, what is done about it, what is said."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.failure import Failure, Said, failed, failure
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.waiting import PEER
from support.rolls.servers import three

DROP_IN = "/run/systemd/system/nomad.service.d/90-raft-logstore.conf"
TASK = {"task": "Save this server's own snapshot", "message": "the snapshot is not sound"}
PHASES = {"stop": 0.2, "conversion": 0.3}


def worked(left: str, **more: Any) -> dict[str, Any]:
    """A transaction that has failed at its start."""
    why = {"step": "start", "failure": "no", "again": "", "msg": "whole", "barred_by": ""}
    return {"failed": True, "left": left, "phases": PHASES, **why, **more}


def told(options: Options | None = None, **said: Any) -> Failure:
    return failure(three(), "s1", options or Options(), Said(**{"failed": TASK, **said}))


def test_what_failed_is_taken_from_a_task_and_from_a_loop() -> None:
    assert failed({"failed": True, "msg": "no. "}, "Do it") == {"task": "Do it", "message": "no"}
    results = [{"failed": False, "msg": "fine"}, {"failed": True, "msg": "not s2."}, {"failed": True}]
    assert failed({"failed": True, "results": results}, "Ask") == {"task": "Ask", "message": "not s2"}


@pytest.mark.parametrize("result", [None, worked("untouched"), {"changed": True, "plan": ["as a rehearsal"]}])
def test_a_server_that_was_not_stopped_is_left_alone(result: Any) -> None:
    found = told(worked=result)
    assert (found.left, found.looks, found.returns, found.is_back) == ("untouched", False, False, False)
    assert "This server was not stopped. No server after it was touched." in found.message


def test_the_step_is_the_one_at_which_the_transaction_failed_or_else_what_was_done() -> None:
    assert (told().step, told().again) == (TASK["task"], "")
    inside = told(worked=worked("down", again="conversion: damaged"))
    assert (inside.step, inside.again) == ("start", "conversion: damaged")
    back = told(worked=worked("running"), again={"task": "Release", "message": "no"})
    assert (back.step, back.again) == ("start", "no")
    assert told(worked={"done": True, "phases": PHASES}).step == TASK["task"], "the operator's own"


def test_a_server_that_was_down_before_still_is() -> None:
    down = failure(three(s1={"up": False}), "s1", Options(), Said(TASK))
    assert "This server was down before, and still is." in down.message


@pytest.mark.parametrize("left", ["put_back", "returned"])
def test_what_is_back_as_it_was_is_not_taken_back_again(left: str) -> None:
    found = told(worked=worked(left))
    assert (found.left, found.returns, found.is_back) == (left, False, True)
    assert (
        found.message.startswith("s1: Starting its agent: no. ")
        and "It is back in the cluster as it was." in found.message
    )
    assert found.message.endswith("When the cause is gone, run the same command again.")


@pytest.mark.parametrize("left", ["unswitched", "unknown", "halfway", "down"])
def test_where_the_transaction_could_not_help_nobody_else_can(left: str) -> None:
    found = told(worked=worked(left, again="conversion: damaged", barred_by=DROP_IN))
    assert found.looks and not found.returns and not found.is_back
    assert "s1: Starting its agent: no. It could not be brought back to boltdb: conversion: damaged. " in found.message
    assert f"Until then, {DROP_IN} may keep systemd from starting it." in found.message


@pytest.mark.parametrize(
    "result", [worked("running"), {"changed": True, "phases": PHASES}], ids=["not back", "back, and failed later"]
)
def test_a_server_that_runs_is_taken_back_after_the_others_were_asked_unless_that_is_not_wanted(result: Any) -> None:
    found = told(worked=result)
    assert found.returns and found.asks and not found.is_back
    kept = told(Options(rollback_on_failure=False), worked=result)
    assert not kept.returns and "It was left as it is. When the cause is gone, run this again." in kept.message
    alone = failure(three()[:1], "s1", Options(), Said(TASK, worked=result))
    assert alone.returns and not alone.asks


def test_what_has_failed_on_the_way_back_is_told() -> None:
    running = worked("running")
    others = {"task": "Every other server applies what is written now", "message": "s2 does not"}
    asked = told(worked=running, again=others).message
    assert f"It could not be brought back to boltdb: {others['task']}: s2 does not. Its store is switched" in asked
    again = {"task": "Take the server back", "message": "Converting its store: damaged. Its store was not switched."}
    gone = told(worked=running, again=again, returned={"failed": True}).message
    assert "brought back to boltdb: Converting its store: damaged. Its store was not switched" in gone
    assert "Its store is switched" not in gone and "Take the server back" not in gone
    back = told(worked=running, returned={"changed": True}, again={"task": "Release", "message": "no"})
    assert back.is_back and "When it was back: Release: no. Its store was converted back to boltdb" in back.message


def test_a_module_that_broke_says_nothing_about_the_server() -> None:
    found = told(worked={"failed": True, "msg": "MODULE FAILURE"})
    assert (found.left, found.returns) == ("unknown", False)
    assert (
        found.message.startswith(f"s1: {TASK['task']}: ") and "unknown whether its store was switched" in found.message
    )


def test_a_person_is_told_what_is_left_in_force() -> None:
    assert "removal of dead servers is off" in told(hold_note="Autopilot's removal of dead servers is off.").message


LOOKED = {
    "store": {"state": "wal", "raft_dir": "/r", "interrupted": False, "in_use": True, "problems": ["a problem"]},
    "agent": {
        "self": {
            "state": "Follower",
            "backend": "wal",
            "raft": {"last_log_index": 9, "commit_index": 8, "applied_index": 7},
        },
        "error": "",
    },
    "errors": {},
}
SERVER = {"name": "s2", "serf_status": "alive", "voter": True, "leader": True, "last_contact": "0s", "last_index": 9}


def test_what_was_found_is_shown() -> None:
    cluster = {"autopilot": {"healthy": False, "failure_tolerance": 0, "servers": [{**SERVER, "healthy": False}]}}
    asked = {"results": [{PEER: "s2", "unreachable": True}, {PEER: "s3", **cluster}]}
    lines = told(worked=worked("running"), looked=LOOKED, cluster=asked).lines
    assert lines[:4] == [
        "Failed: Starting its agent: no.",
        "Store: wal in /r, in use",
        "  a problem",
        "Agent: Follower on wal, last entry 9, committed 8, applied 7",
    ]
    assert lines[4] == "Cluster: not healthy, failure tolerance 0" and lines[6].split()[:4] == [
        "s2",
        "alive",
        "unhealthy",
        "yes",
    ]


def test_what_could_not_be_looked_at_is_shown_too() -> None:
    looked = {"store": None, "agent": {"self": None, "error": "refused"}, "errors": {"store": "no such directory"}}
    asked = {"results": [{PEER: "s2", "unreachable": True}, {PEER: "s3", "error": "no leader", "autopilot": None}]}
    lines = told(worked=worked("down"), looked=looked, cluster=asked).lines
    assert lines[1:3] == ["Store: no such directory", "Agent: refused"]
    assert lines[3:] == ["Cluster: s2: its host cannot be reached", "Cluster: s3: no leader"]
    assert told(worked=worked("down"), looked=looked).lines[3:] == ["Cluster: no other server was asked"]


def test_a_leader_that_has_not_noticed_yet_does_not_make_a_server_that_is_down_healthy() -> None:
    cluster = {"autopilot": {"healthy": True, "failure_tolerance": 1, "servers": [{**SERVER, "healthy": True}]}}
    asked = {"results": [{PEER: "s3", **cluster}]}
    lost = {**LOOKED, "agent": {"self": None, "error": "refused"}}
    header, late = told(worked=worked("down"), looked=lost, cluster=asked).lines[4:6]
    assert header == "Cluster: healthy, failure tolerance 1"
    assert late.endswith("Until this one is back, stop no other.")
    assert not any("stop no other" in line for line in told(worked=worked("down"), looked=LOOKED, cluster=asked).lines)


def test_the_cluster_is_asked_through_a_server_that_answers() -> None:
    """Before a return it is asked whether it can do without this one; the first of the others may be down."""
    silent = {PEER: "s2", "answered": False, "error": "refused", "autopilot": None}
    asked = {"results": [silent, {PEER: "s3", "answered": True, "autopilot": {"servers": []}}]}
    assert told(worked=worked("running"), other="s2", cluster=asked).asked == "s3"
    assert told(worked=worked("running"), other="s2", cluster={"results": [silent]}).asked == "s2"
    assert told(worked=worked("running"), other="s2").asked == "s2"
