# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose roll begins, and when."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._fleet import resume, states


def run(**known: str) -> dict[str, Any]:
    states_ = {name: {"state": state} for name, state in known.items()}
    return {"clusters": sorted(known), "states": states_, "confirmed": True}


@pytest.mark.parametrize(
    ("state", "skips", "turn"),
    [
        (states.ROLLS, False, states.ROLLING),
        (states.IN_ORDER, False, states.IN_ORDER),
        (states.REFUSED, False, states.REFUSED),
        (states.REFUSED, True, states.LEFT_OUT),
        (states.UNREAD, True, states.LEFT_OUT),
        (states.ROLLING, False, states.ROLLING),
    ],
)
def test_a_turn(state: str, skips: bool, turn: str) -> None:
    assert resume.turn("a", run(a=state, b=states.ROLLED), skips) == turn


@pytest.mark.parametrize(
    ("first", "lost"),
    [
        ((states.REFUSED, states.UNREAD), ["a", "b"]),
        ((states.REFUSED, states.ROLLS), []),
        ((states.REFUSED, states.IN_ORDER), []),
    ],
)
def test_a_first_wave_that_would_be_left_out_as_a_whole(first: tuple[str, str], lost: list[str]) -> None:
    now = run(a=first[0], b=first[1], c=states.ROLLS, d=states.REFUSED)
    now["waves"] = [["a", "b"], ["c", "d"]]
    assert resume.lost_canaries(now) == lost
    assert resume.lost_canaries({**now, "waves": []}) == []


def test_after_a_failure_nothing_begins() -> None:
    now = run(a=states.ROLLS, b=states.FAILED, c=states.ROLLING)
    assert resume.turn("a", now, False) == states.NOT_BEGUN
    assert resume.stopped(now) == ["b"] and resume.under_way(now) == ["c"]


def test_before_the_plans_are_confirmed_nothing_begins() -> None:
    assert resume.turn("a", {**run(a=states.ROLLS), "confirmed": False}, False) == states.NOT_BEGUN


def test_a_cluster_that_nobody_has_planned_is_not_rolled() -> None:
    assert resume.turn("a", {"clusters": ["a"], "states": {}, "confirmed": True}, False) == states.NOT_BEGUN


def test_the_pause_counts_from_the_last_roll_of_the_waves_before() -> None:
    now = run(a=states.ROLLED, b=states.ROLLED, c=states.IN_ORDER, d=states.ROLLS)
    now["states"]["a"]["ended"], now["states"]["b"]["ended"] = 100, 90
    now["waves"] = [["a"], ["b", "c"], ["d"]]
    assert [resume.pause_ends(name, now, 30) for name in "abd"] == [0, 130, 130]
    assert resume.pause_ends("d", now, 0) == 0
    now["waves"] = [["c"], ["d", "a", "b"]]
    assert resume.pause_ends("d", now, 30) == 0
