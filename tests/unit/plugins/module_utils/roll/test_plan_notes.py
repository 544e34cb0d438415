# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan tells below its table: nothing of it refuses the roll."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.plan import plan
from support.rolls.servers import ME, led

HELD = {"origin": "elsewhere", "previous": True, "created": "2026-11-22T13:00:00Z"}


def test_what_has_happened_while_nobody_looked_is_told_below_the_table() -> None:
    assert plan(led(s2={"todo": False, "transaction": "It has ended."}), ME).notes == ["s2: It has ended."]


@pytest.mark.parametrize(("available", "warned"), [(5, False), (4, True)])
def test_a_conversion_that_may_need_more_than_is_free_is_told_below_the_table(available: int, warned: bool) -> None:
    made = plan(led(s2={"needs": 5, "available": available}), ME)
    assert bool(made.notes) is warned and made.lines[4:] == (["", *made.notes] if warned else [])
    told = "s2: the conversion may need more than the 4 Bytes that are free. If so, it is"
    assert not warned or made.notes[0].startswith(told)
    assert plan(led(s2={"needs": 5, "available": available, "todo": False}), ME).notes == []


def test_a_token_that_may_not_move_leadership_is_told_of_the_leader_only() -> None:
    lacking = [{"capability": "management", "purpose": "", "path": ""}]
    (note,) = plan(led(s1={"lacking": lacking}, s2={"lacking": lacking}), ME).notes
    assert "the token may not move leadership (management). s1 leads and is stopped last, without a transfer" in note
    assert plan(led(s2={"lacking": lacking}), ME).notes == []
    assert plan(led(s1={"lacking": lacking, "todo": False}), ME).notes == []


def test_a_removal_that_is_off_without_a_hold_is_told() -> None:
    off = {"settings": {"cleanup_dead_servers": False}}
    (note,) = plan(led(s2=off), ME).notes
    assert "autopilot removes no dead servers (CleanupDeadServers is false), and no hold" in note
    assert plan(led(s2={**off, "held": {**HELD, "origin": "me"}}), ME).notes == []
    assert plan(led(s2={"settings": {"cleanup_dead_servers": True}}), ME).notes == []


def test_what_to_know_of_a_next_start_is_told_of_servers_that_will_have_one() -> None:
    noted = {"notes": ["its next start will load /x."]}
    assert plan(led(s2=noted), ME).notes == ["s2: its next start will load /x."]
    assert plan(led(s2={**noted, "todo": False}), ME).notes == []


def test_a_refused_plan_says_that_nothing_was_changed() -> None:
    assert plan(led(s2={"version": "1.11.3"}), ME).refusal.endswith("s2 runs 1.11.3. Nothing was changed.")
    assert plan(led(), ME).refusal == ""


def test_nothing_but_that_it_is_down_is_said_of_a_server_that_is_refused_for_that() -> None:
    noted = {"notes": ["no process of an agent is known"]}
    assert plan(led(s2=noted), ME).notes == ["s2: no process of an agent is known"]
    assert plan(led(s2={**noted, "up": False, "role": "down"}), ME).notes == []
    assert plan(led(s2={**noted, "up": False, "role": "down", "ours": True}), ME).notes != []
