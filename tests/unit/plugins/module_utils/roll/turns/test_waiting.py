# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is well and waits for another that is out is left alone, and the other one is named.

A recorded cluster. s2 has been brought back on BoltDB and has failed at the wait for its return. s1 leads, s3 is out.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api import answers
from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import Server, parse
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.failure import Failure, Said, failure
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.waiting import PEER
from support.recordings import recording

S1, S2, S3 = IDS = (
    "e93eaec1-b82a-bf92-f2a5-79d404511e21",
    "1e70156a-c6aa-01a1-ba14-e2df5513ced6",
    "0c36f51e-b2bb-1b17-949f-a5a934efe5a8",
)
URL = "http://127.0.0.13:4646"
SILENT = {"answered": False, "status": 0, "url": URL, "error": f"{URL}/v1: refused", "autopilot": None}
HOLD = "Autopilot's removal of dead servers is off."


def leader(**changed: dict[str, Any]) -> dict[str, Any]:
    """What the leader says while s3 is down; `changed` are fields of s1, s2 and s3."""
    seen = answers.parse_autopilot(recording("autopilot_health-healthy")["body"])
    known = {"s3": {"serf_status": "left", "healthy": False}, **changed}
    servers = [one._replace(**known.get(one.name.split(".")[0], {})) for one in seen.servers]
    return seen._replace(healthy=False, failure_tolerance=0, servers=tuple(servers)).as_dict()


def agent(**changed: Any) -> dict[str, Any]:
    """What s2 says of itself: it has applied all that the leader has."""
    own = answers.parse_agent(recording("agent_self-follower-boltdb-after-return")["body"])
    raft = {**own.raft, "commit_index": 15, "applied_index": 15}
    return {**own._replace(raft=raft).as_dict(), **changed}


def servers() -> list[Server]:
    voters = {"leader": S1, "voters": list(IDS)}
    return [parse({"host": f"s{number}", "id": one, "view_planned": voters}) for number, one in enumerate(IDS, 1)]


def failed(**result: Any) -> dict[str, Any]:
    """What server_backend says that has waited in vain."""
    known = {"failed": True, "step": "rejoin", "failure": "not back after 300 s: ...", "left": "running", "again": ""}
    return {**known, "phases": {"stop": 1.0}, **result}


def told(
    own: Any = None, seen: Any = None, s3: Any = None, worked: Any = None, options: Any = None, **more: Any
) -> Failure:
    looked = {
        "agent": {"self": own or agent(), "error": ""}, "autopilot": seen or leader(), "store": None,
        "errors": {"store": "not looked at"}, **more,
    }  # fmt: skip
    asked = {"results": [{PEER: "s1", "answered": True, "autopilot": leader()}, {PEER: "s3", **(s3 or SILENT)}]}
    wanted = options or Options(backend="boltdb")
    task = {"task": "Take it out", "message": "whole"}
    said = Said(task, worked=worked or failed(), looked=looked, cluster=asked, other="s3", hold_note=HOLD)
    return failure(servers(), "s2", wanted, said)


def test_a_server_that_waits_for_another_is_not_stopped_again_and_the_other_one_is_named() -> None:
    found = told()
    assert (found.left, found.returns, found.is_back, found.step) == ("running", False, False, "rejoin")
    assert found.message == (
        f"s2: It is on boltdb and healthy. It waits because s3 is down (no answer at {URL}). s2 stays on boltdb. "
        f"Bring s3 back, then run the same command again: it goes on from there. {HOLD} No server after it was touched."
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"unreachable": True, "msg": "no route"}, "s3 is down (its host cannot be reached)."),
        ({**SILENT, "status": 500}, "s3 is not well (the leader sees s3.global as left, not alive)."),
        (
            {"answered": True, "status": 429, "autopilot": leader()},
            "s3 is not well (the leader sees s3.global as left, not alive).",
        ),
    ],
)
def test_why_the_other_one_is_out(answer: dict[str, Any], why: str) -> None:
    found = told(s3=answer)
    assert not found.returns and f"It waits because {why}" in found.message


def test_entries_under_way_are_no_illness() -> None:
    assert not told(own=agent(raft={**agent()["raft"], "applied_index": 14})).returns


def test_one_that_autopilot_has_removed_is_out_as_well() -> None:
    """As where no hold was wanted."""
    seen = leader()
    without = {**seen, "voters": [S1, S2], "servers": [one for one in seen["servers"] if one["id"] != S3]}
    peers = [peer for peer in agent()["peers"] if peer["id"] != S3]
    found = told(own=agent(peers=peers), seen=without, s3={"unreachable": True})
    assert not found.returns and "s3 is down (its host cannot be reached)" in found.message
    still = told(own=agent(peers=peers), seen=without, s3={"answered": True, "status": 200, "autopilot": without})
    assert "s3 is not well (the leader no longer counts it as a voter)" in still.message


def test_all_that_are_out_are_named() -> None:
    found = told(seen=leader(s1={"healthy": False, "serf_status": "alive"}))
    assert not found.returns
    assert "the leader does not call s1.global healthy) and s3 is down (no answer" in found.message
    assert "Bring s1 and s3 back, then" in found.message


ILL = leader(s2={"healthy": False, "serf_status": "alive"})
NO_VOTE = {**leader(s2={"voter": False}), "voters": [S1, S3]}


@pytest.mark.parametrize(
    "known",
    [
        {"own": agent(backend="wal")},
        {"own": agent(state="Candidate")},
        {"own": agent(leader_address="")},
        {"own": agent(raft={**agent()["raft"], "applied_index": 0, "commit_index": 0})},
        {"own": agent(id=S1)},
        {"own": agent(peers=agent()["peers"][1:])},
        {"seen": ILL},
        {"seen": NO_VOTE, "own": agent(peers=[{**one, "voter": one["id"] != S2} for one in agent()["peers"]])},
        {"seen": leader(s1={"last_index": 15 + 251})},
        {"seen": leader(s3={})},
        {"agent": {"self": None, "error": "refused"}},
    ],
    ids=[
        "backend", "candidate", "leaderless", "nothing applied", "another", "peers", "ill", "no vote",
        "far behind", "nobody out", "gone",
    ],
)  # fmt: skip
def test_one_that_is_not_well_itself_is_taken_back_if_the_others_agree(known: dict[str, Any]) -> None:
    found = told(**known)
    assert found.returns and found.asks and "It waits because" not in found.message


@pytest.mark.parametrize(
    "result", [failed(step="log", failure="an error"), {"changed": True, "phases": {"stop": 1.0}}],
    ids=["its log", "its writes"],
)  # fmt: skip
def test_one_that_has_failed_at_something_else_is_taken_back_though_another_is_out(result: dict[str, Any]) -> None:
    """Whether the cluster can do without it meanwhile is then for the others to say."""
    assert told(worked=result).returns


@pytest.mark.parametrize("left", ["put_back", "returned", "unswitched", "halfway", "down", "unknown"])
def test_what_is_not_left_running_is_told_as_ever(left: str) -> None:
    found = told(worked=failed(left=left))
    assert "It waits because" not in found.message and not found.returns


def test_it_stays_also_where_no_return_was_wanted() -> None:
    assert "s3 is down" in told(options=Options(backend="boltdb", rollback_on_failure=False)).message
