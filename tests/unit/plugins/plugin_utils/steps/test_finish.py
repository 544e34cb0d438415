# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""At the end each server is back, and while autopilot is held, a write comes through on each. A stop."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.finish import back, stop
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import Stopped
from support.rolls.scripted import Script, given

BACK, WRITES = "This server is back at the end", "This server applies what is written now"
HELD = {"so_far": {"held": {"previous": True}}}


def test_each_server_must_be_back_with_the_voters_of_the_plan() -> None:
    run = Script()
    back(run, given(), {})
    assert run.done == [BACK] and not run.calls[0].asks and run.calls[0].module == "raftops.nomad.server_wait"
    assert run.asked(BACK).args == {
        "until": "back", "server_id": "id-s1", "voters": ["id-s1", "id-s2"], "wait_timeout": 30, "stable_for": 1,
    }  # fmt: skip


def test_while_autopilot_is_held_a_write_has_to_come_through() -> None:
    run = Script()
    back(run, given(**HELD), {})
    assert run.done == [BACK, WRITES]
    written = run.asked(WRITES)
    assert (written.module, written.args) == (
        "raftops.nomad.raft_write_check",
        {"server_id": "id-s1", "wait_timeout": 30},
    )
    with pytest.raises(Stopped) as told:
        back(Script().fails(WRITES), given(**HELD), {})
    assert told.value.doing == WRITES


def test_a_server_that_is_not_back_ends_it_with_what_is_left_in_force() -> None:
    run = Script().fails(BACK, msg="refused.")
    with pytest.raises(Stopped) as told:
        back(run, given(**HELD), {})
    assert told.value.doing == BACK and run.done == [BACK]
    assert told.value.message.startswith("s1 is not back at the end: refused. Once it is, run this again. Autopilot's ")
    with pytest.raises(Stopped) as told:
        back(run, given(), {})
    assert told.value.message == "s1 is not back at the end: refused. Once it is, run this again."


def test_a_roll_is_stopped_with_the_message_and_nothing_else_is_run() -> None:
    run, result = Script(), {}
    with pytest.raises(Stopped) as told:
        stop(run, given(), result, "s1 has failed.")
    assert (told.value.doing, told.value.message) == ("Stop the roll", "s1 has failed.")
    assert run.done == [] and result == {}
