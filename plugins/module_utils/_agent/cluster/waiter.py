# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look again and again until a verdict holds for some seconds in a row, and keep the last look for the error.

Knows no API: a look is a function that returns a verdict and what was seen. Clock and sleep are arguments: tests need
no real time.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, NamedTuple, Optional

from .health import Verdict

FIRST_TOLD_S = 5.0
TOLD_EVERY_S = 10.0

Teller = Callable[[str], None]
"""Gets a sentence without its full stop: what is missing, and how long that has been waited for."""


def untold(_text: str) -> None:
    """The teller of a wait that nobody watches."""


class Look(NamedTuple):
    """One verdict and the answers behind it."""

    verdict: Verdict
    observation: Dict[str, Any]


class Waited(NamedTuple):
    """How the wait ended: the last look, how long it took, how many looks, and whether the verdict held long enough.

    `good_since` is the moment on the clock since when it has held, None if it does not hold at the end.
    """

    satisfied: bool
    last: Look
    elapsed_s: float
    looks: int
    good_since: Optional[float] = None


def wait_until(
    look: Callable[[], Look],
    timeout_s: float,
    stable_s: float = 0.0,
    interval_s: float = 0.5,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    tell: Teller = untold,
) -> Waited:
    """The outcome of looking until the verdict has held for `stable_s`, is final, or `timeout_s` has passed.

    The first look is always taken. A look that lasts longer than the time left is not cut short. After FIRST_TOLD_S,
    and then every TOLD_EVERY_S, `tell` is told what is missing.
    """
    start = clock()
    tell_at = start + FIRST_TOLD_S
    good_since: Optional[float] = None
    looks = 0
    while True:
        last = look()
        looks += 1
        now = clock()
        if not last.verdict.ok:
            good_since = None
        elif good_since is None:
            good_since = now
        satisfied = good_since is not None and now - good_since >= stable_s
        time_left = start + timeout_s - now
        if satisfied or last.verdict.final or time_left <= 0:
            shown = _explained(last, good_since, now, stable_s, satisfied)
            return Waited(satisfied, shown, now - start, looks, good_since)
        if now >= tell_at:
            tell_at = now + TOLD_EVERY_S
            tell(_missing(last, good_since, stable_s, now, start, timeout_s))
        sleep(min(interval_s, time_left))


def _explained(last: Look, good_since: Optional[float], now: float, stable_s: float, satisfied: bool) -> Look:
    """The last look; when it was good but not for long enough, its reason says so."""
    if satisfied or good_since is None:
        return last
    reason = f"{last.verdict.reason}, but only for {now - good_since:.1f} of {stable_s:g} seconds in a row"
    return last._replace(verdict=Verdict(False, reason))


def _missing(last: Look, good_since: Optional[float], stable_s: float, now: float, start: float, limit_s: float) -> str:
    if good_since is None:
        return f"{last.verdict.reason.rstrip('. ')} ({now - start:.0f} s of {limit_s:.0f} s)"
    return f"it is, and has to stay so for {stable_s:.0f} s ({now - good_since:.0f} s so far)"
