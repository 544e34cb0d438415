# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be put back, who else holds, and what a person is told of it."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.module_utils._roll import holds
from support.rolls.servers import ME, server, three

FIRST = {"origin": "me", "previous": True, "created": "2026-11-22T13:00:00Z"}
SECOND = {"origin": "me", "previous": False, "created": "2026-11-22T14:00:00Z"}
SETTINGS = {"cleanup_dead_servers": True, "max_trailing_logs": 250, "min_quorum": 0, "modify_index": 5}


def test_the_oldest_hold_says_what_to_put_back() -> None:
    """The second file is what an earlier run wrote while the first one was in force."""
    assert holds.arguments(three(s1={"held": SECOND}, s3={"held": FIRST})) == {"previous": True}
    assert holds.values_before(three(s2={"previous": False})) == [False]
    assert holds.arguments(three(s2={"previous": False}, s3={"held": FIRST})) == {"previous": True}
    assert holds.arguments(three()) == {}, "nothing is held"


def test_the_value_that_must_be_in_force_is_the_one_of_the_plan() -> None:
    off = {**SETTINGS, "cleanup_dead_servers": False}
    assert holds.arguments(three(s2={"settings": off})) == {"expected": False}
    assert holds.arguments(three(s2={"settings": SETTINGS}, s3={"settings": off})) == {"expected": True}
    left = three(s1={"settings": SETTINGS, "held": FIRST})
    assert holds.arguments(left) == {"previous": True, "expected": True}, "an earlier run may not have changed it"
    later = three(s1={"settings": SETTINGS, "previous": True})
    assert holds.arguments(later) == {"previous": True}, "this run has changed it"


def test_other_owners_are_those_that_hold_or_convert_and_are_not_this_controller() -> None:
    assert holds.other_owners(three(s1={"held": FIRST, "interrupted_by": "me"}), ME) == []
    elsewhere = {"held": {**FIRST, "origin": "elsewhere"}, "interrupted_by": "elsewhere"}
    assert holds.other_owners(three(s1=elsewhere, s2={"interrupted_by": "third"}), ME) == ["elsewhere", "third"]


def test_what_a_living_run_holds_is_told_from_what_may_be_dead() -> None:
    hold = {**FIRST, "origin": "elsewhere"}
    held = {"held": {**hold, "created": "2026-11-22T15:00:00Z"}}
    living = holds.elsewhere(three(s1=held, s2={"held": hold}, s3={"at_work": True}), ["elsewhere"])
    assert living.startswith(
        "elsewhere has held this cluster for a roll since 2026-11-22T13:00:00Z, and a run is at work on s3 "
    )
    assert "take over" not in living, "nobody is told to take over what lives"
    quiet = holds.elsewhere(three(s1=held), ["elsewhere"])
    assert "since 2026-11-22T15:00:00Z, but nothing is at work on a server now" in quiet
    assert "take over with raft_logstore_take_over" in quiet and "set raft_logstore_origin to elsewhere." in quiet
    begun = holds.elsewhere(three(s1={"interrupted_by": "third"}), ["third"])
    assert begun.startswith("third holds this cluster for a roll, but nothing"), "a journal does not say since when"


def test_a_person_is_told_of_a_hold_until_it_is_released() -> None:
    held = three(s2={"previous": True})
    assert "stays off until a run ends well" in holds.note(held, released=False, failed=False)
    assert holds.note(held, released=True, failed=False) == ""
    assert holds.note(three(), released=False, failed=False) == ""
    assert holds.note(three(), released=False, failed=True).endswith("may be off: a run that ends well sees to it.")


def test_settings_that_a_new_leader_has_forgotten_are_named_with_the_command_that_sets_them() -> None:
    servers = [server("s1"), server("s2", settings=SETTINGS)]
    now = {**SETTINGS, "max_trailing_logs": 500, "min_quorum": 3, "modify_index": 9, "cleanup_dead_servers": False}
    told = holds.forgotten(servers, now)
    assert "other settings than before: max_trailing_logs was 250, min_quorum was 0. " in told
    assert told.endswith("nomad operator autopilot set-config -max-trailing-logs=250 -min-quorum=0")
    assert holds.forgotten(servers, {**SETTINGS, "modify_index": 9}) == ""
    assert holds.forgotten(servers, None) == "", "nobody was asked"
    assert holds.forgotten(three(), now) == "", "the plan has not seen them"
