# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting on a clock of the test's own: what holds for how long, when it gives up, what it keeps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.health import Verdict
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.waiter import Look, Waited, wait_until


class Clock:
    """Time that passes only while somebody sleeps or looks."""

    def __init__(self, look_s: float = 0.0) -> None:
        self.now = 1000.0
        self.look_s = look_s
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.sleeps.append(seconds)
        self.now += seconds


def wait(
    good: Callable[[float], bool], timeout_s: float, stable_s: float = 0, look_s: float = 0, final: bool = False
) -> tuple[Waited, Clock]:
    clock = Clock(look_s)
    start = clock.now

    def look() -> Look:
        clock.now += look_s
        ok = good(clock.now - start)
        return Look(Verdict(ok, "good" if ok else "bad", final), {"at": clock.now - start})

    return wait_until(look, timeout_s, stable_s, 0.5, clock, clock.sleep), clock


def test_good_at_once_without_stability_takes_one_look() -> None:
    outcome, clock = wait(lambda at: True, 10)
    assert (outcome.satisfied, outcome.looks, clock.sleeps) == (True, 1, [])


def test_good_must_last() -> None:
    outcome = wait(lambda at: at >= 2, 30, stable_s=5)[0]
    assert outcome.satisfied and outcome.elapsed_s == 7


def test_the_moment_from_which_it_held_is_kept() -> None:
    assert wait(lambda at: at >= 2, 30, stable_s=5)[0].good_since == 1002
    assert wait(lambda at: at != 4, 30, stable_s=5)[0].good_since == 1004.5
    assert wait(lambda at: False, 3)[0].good_since is None


def test_one_bad_look_begins_the_count_anew() -> None:
    outcome = wait(lambda at: at != 4, 30, stable_s=5)[0]
    assert outcome.satisfied and outcome.elapsed_s == 9.5


def test_flapping_is_never_stable() -> None:
    outcome = wait(lambda at: at % 2 < 1, 20, stable_s=3)[0]
    assert not outcome.satisfied and outcome.elapsed_s == 20


def test_the_deadline_ends_a_wait_that_was_good_for_too_short() -> None:
    outcome = wait(lambda at: at >= 8, 10, stable_s=5)[0]
    assert not outcome.satisfied
    assert outcome.last.verdict.reason == "good, but only for 2.0 of 5 seconds in a row"


def test_no_time_means_one_look() -> None:
    for good in (True, False):
        outcome, clock = wait(lambda at, good=good: good, 0)  # type: ignore[misc]
        assert (outcome.satisfied, outcome.looks, clock.sleeps) == (good, 1, [])


def test_a_final_verdict_is_not_waited_for() -> None:
    outcome = wait(lambda at: False, 300, final=True)[0]
    assert (outcome.satisfied, outcome.looks) == (False, 1)


def test_slow_looks_count_as_time() -> None:
    outcome = wait(lambda at: False, 10, look_s=4)[0]
    assert outcome.looks == 3 and outcome.elapsed_s == pytest.approx(13)


def test_a_long_wait_tells_what_is_missing_after_five_seconds_and_then_every_ten() -> None:
    told: list[tuple[float, str]] = []
    clock = Clock()

    def look() -> Look:
        ok = clock.now >= 1020
        return Look(Verdict(ok, "good" if ok else "no leader."), {})

    wait_until(look, 300, 12, 0.5, clock, clock.sleep, lambda text: told.append((clock.now - 1000, text)))
    assert told == [
        (5, "no leader (5 s of 300 s)"),
        (15, "no leader (15 s of 300 s)"),
        (25, "it is, and has to stay so for 12 s (5 s so far)"),
    ]


def test_a_short_wait_tells_nothing() -> None:
    told: list[str] = []
    clock = Clock()
    wait_until(lambda: Look(Verdict(False, "bad"), {}), 5, 0, 0.5, clock, clock.sleep, told.append)
    assert told == []


def test_the_last_answers_are_kept() -> None:
    outcome = wait(lambda at: False, 3)[0]
    assert outcome.last.observation == {"at": 3.0} and outcome.last.verdict.reason == "bad"
