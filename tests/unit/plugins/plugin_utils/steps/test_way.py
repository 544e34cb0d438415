# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making way for a server: what is asked and done in which order, and that each answer can end it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.given import Given
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import Stopped
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.way import make_way
from support.rolls.scripted import Script, begun, given
from support.rolls.servers import ME

AT = datetime(2026, 11, 22, 13, 0, 5, tzinfo=timezone.utc)
WITHOUT = "The cluster can do without this server"
MOVE = "Transfer leadership and prove it"
WRITES, LEADERS, OWN = (
    "This server applies what is written now",
    "Save the leader's snapshot",
    "Save this server's own snapshot",
)
ORDER = [WITHOUT, MOVE, WRITES, LEADERS, OWN]
OTHERS = [{"observation": {"agent": {"id": "id-s2", "backend": "boltdb"}}},
          {"observation": {"agent": {"id": "id-s3", "backend": "wal"}}}]  # fmt: skip
LEADS = {"role": "leader", "name": "s1.global"}
DOWN = {"up": False, "ours": True, "role": "down", "error": "refused"}


def script(leader: str = "id-s1", voters: tuple[str, ...] = ("id-s1", "id-s2")) -> Script:
    view = {"leader": leader, "voters": list(voters), "failure_tolerance": 1, "servers": []}
    return Script(
        {
            WITHOUT: {"observation": {"autopilot": view}},
            MOVE: {"leader": "id-s3", "failed": False},
            LEADERS: {"path": "/s/nomad.snap"},
            OWN: {"path": "/s/own.snap"},
        }
    )


def turn(**more: Any) -> Given:
    return begun(given(so_far={"others": OTHERS}, **{"s1": LEADS, **more}))


def made(run: Script, of: Given) -> dict[str, Any]:
    result: dict[str, Any] = {}
    make_way(run, of, result, AT)
    return result


def test_the_leader_agrees_then_leadership_goes_then_snapshots_are_saved() -> None:
    run = script()
    result = made(run, turn())
    assert run.done == ORDER
    assert (result["snapshot"], result["own_snapshot"]) == ("/s/nomad.snap", "/s/own.snap")
    assert result["leadership"]["must_follow"] and result["transfer"] == {"leader": "id-s3", "failed": False}
    assert result["observation"]["autopilot"]["leader"] == "id-s1", "the return asks for the failure tolerance"


@pytest.mark.parametrize("doing", ORDER)
def test_nothing_is_done_after_what_has_failed(doing: str) -> None:
    run, result = script().fails(doing), {}
    with pytest.raises(Stopped) as told:
        make_way(run, turn(), result, AT)
    assert run.done == ORDER[: ORDER.index(doing) + 1]
    assert (told.value.doing, told.value.message) == (doing, f"no {doing}")


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_question_says_which_server_and_which_voters_are_meant_and_what_is_tolerated(check_mode: bool) -> None:
    run, options = script(), ME._replace(min_failure_tolerance=2, gate_timeout=17, check_mode=check_mode)
    made(run, begun(given(options=options, s1=LEADS)))
    asked = run.asked(WITHOUT)
    assert asked.module == "raftops.nomad.server_wait"
    assert asked.args == {
        "until": "stoppable", "server_id": "id-s1", "voters": ["id-s1", "id-s2"], "min_failure_tolerance": 2,
        "allow_outage": False, "follower": False, "repair": False, "wait_timeout": 0 if check_mode else 17,
        "stable_for": 0,
    }  # fmt: skip


def test_only_the_question_is_asked_in_a_rehearsal_for_real() -> None:
    run = script()
    made(run, turn())
    assert {call.doing: (call.asks, call.rehearses) for call in run.calls} == {
        WITHOUT: (True, False), MOVE: (False, False), WRITES: (False, False), LEADERS: (False, False),
        OWN: (False, False),
    }  # fmt: skip


def test_a_server_that_does_not_lead_keeps_its_role() -> None:
    run = script(leader="id-s2")
    result = made(run, turn())
    assert run.done == [WITHOUT, WRITES, LEADERS, OWN]
    assert result["leadership"]["must_follow"] and "transfer" not in result


def test_leadership_goes_to_a_server_on_the_new_backend_first() -> None:
    run = script()
    made(run, turn())
    moved = run.asked(MOVE)
    assert moved.module == "raftops.nomad.raft_transfer_leadership"
    assert moved.args == {"candidates": ["id-s3", "id-s2"], "wait_timeout": 30}


def test_a_token_that_may_not_move_leadership_lets_the_roll_go_on() -> None:
    run = script().fails(MOVE, denied=True)
    result = made(run, turn())
    assert run.done == ORDER and result["leadership"]["denied"] and not result["leadership"]["must_follow"]
    assert result["transfer"]["denied"]


def test_a_transfer_that_was_not_proven_ends_the_turn_and_is_told() -> None:
    run, result = script().fails(MOVE, denied=False, leader="id-s1"), {}
    with pytest.raises(Stopped):
        make_way(run, turn(), result, AT)
    assert result["transfer"]["leader"] == "id-s1" and WRITES not in run.done


def test_the_only_voter_keeps_leadership_where_an_outage_is_allowed() -> None:
    options = ME._replace(allow_outage=True)
    for voters, moves in (("id-s1",), False), (("id-s1", "id-s2"), True):
        run = script(voters=voters)
        made(run, begun(given(options=options, s1=LEADS)))
        assert (MOVE in run.done) is moves and run.asked(WITHOUT).args["allow_outage"] is True


def test_the_leaders_snapshot_is_saved_once_in_a_roll() -> None:
    run = script(leader="id-s2")
    result = made(run, turn(s3={"snapshot": "/s/nomad.snap"}))
    assert run.done == [WITHOUT, WRITES, OWN] and "snapshot" not in result


def test_a_server_that_is_down_is_repaired_and_saves_nothing() -> None:
    run = script(leader="id-s2")
    made(run, turn(s1=DOWN))
    assert run.done == [WITHOUT] and run.asked(WITHOUT).args["repair"] is True


def test_its_own_snapshot_is_named_after_it_and_the_time() -> None:
    run = script(leader="id-s2")
    made(run, turn())
    assert run.asked(LEADERS).args == {"dest": "/var/lib/nomad-raft-snapshots"}
    assert run.asked(OWN).args == {
        "dest": "/var/lib/nomad-raft-snapshots",
        "name": "nomad-s1.global-20261122T130005Z.snap",
        "stale": True,
    }
    assert {run.asked(doing).module for doing in (LEADERS, OWN)} == {"raftops.nomad.snapshot_save"}


def test_the_write_says_which_server_has_to_apply_it() -> None:
    run = script(leader="id-s2")
    made(run, turn())
    written = run.asked(WRITES)
    assert (written.module, written.args) == (
        "raftops.nomad.raft_write_check",
        {"server_id": "id-s1", "wait_timeout": 30},
    )
