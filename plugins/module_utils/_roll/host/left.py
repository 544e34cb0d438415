# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failure has left of a server, what is to be done about it, and what is said. Pure.

A store that was not switched needs its configuration back and a start. One that was switched is converted back, so that
it keeps every entry and vote that came since; but only if its agent does not run. One that runs is not stopped again
by itself: whether the cluster can do without it is for the others to say.
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple

from .transaction import AS_IT_WAS, BACK, OTHER, shown

UNTOUCHED, UNSWITCHED, UNKNOWN, RUNNING, DOWN = "untouched", "unswitched", "unknown", "running", "down"
HALFWAY = "halfway"
PUT_BACK, RETURNED = "put_back", "returned"
STOPPED = (UNSWITCHED, UNKNOWN, HALFWAY, DOWN)
"""How a server is left that may be stopped, and kept so."""


class Found(NamedTuple):
    """A server after a failure. `stopped`: this run has begun to stop it. `store` is the backend of the store on the
    disk, None when it cannot be told. `runs`: its agent answers, or somebody has its store open."""

    stopped: bool
    store: Optional[str]
    runs: bool


class Told(NamedTuple):
    """All that is said of a failure: the step and what failed there, what failed on the way back, and how it ended.

    `barred_by` is the drop-in that may keep a stopped server from starting, else "".
    """

    step: str
    failure: str
    again: str
    left: str
    was_up: bool
    barred_by: str


def left_by(found: Found, backend: str) -> str:
    """What a failure on the way to `backend` has left, if nothing is done about it."""
    if not found.stopped:
        return UNTOUCHED
    if found.store == OTHER[backend]:
        return UNSWITCHED
    if found.store != backend:
        return UNKNOWN if found.runs else HALFWAY
    return RUNNING if found.runs else DOWN


def remedy(left: str, backend: str) -> Tuple[str, ...]:
    """The steps that bring the server back to where it came from; none where nothing may be done without others."""
    back = BACK[OTHER[backend]]
    return {UNSWITCHED: AS_IT_WAS, DOWN: back, HALFWAY: back}.get(left, ())


def healed(left: str) -> str:
    """What is left once the remedy was carried out."""
    return PUT_BACK if left == UNSWITCHED else RETURNED


def sentence(told: Told, backend: str) -> str:
    """The whole message of the failure."""
    parts: List[str] = [what_failed(told.step, told.failure)]
    if told.again:
        parts.append(not_brought_back(backend, told.again))
    parts.append(OUTCOMES[told.left].format(backend=backend, former=OTHER[backend]))
    if told.left == UNTOUCHED:
        parts.append("It was not stopped." if told.was_up else "It was down before and still is.")
    elif told.barred_by and told.left in STOPPED:
        parts.append(kept_stopped(told.barred_by))
    return " ".join(part for part in parts if part)


def what_failed(step: str, failure: str) -> str:
    """The step and what failed there."""
    name = shown(step)
    return f"{name[:1].upper()}{name[1:]}: {end(failure)}"


def not_brought_back(backend: str, failure: str) -> str:
    """What failed on the way back from `backend`."""
    return f"It could not be brought back to {OTHER[backend]}: {end(failure)}"


def kept_stopped(barrier: str) -> str:
    """What this drop-in does to a server that was left stopped."""
    return f"Until then, {barrier} may keep systemd from starting it."


def end(text: str) -> str:
    """The text with one full stop."""
    return bare(text) + "."


def bare(text: str) -> str:
    """The text without a full stop."""
    return text.strip().rstrip(".")


OUTCOMES = {
    UNTOUCHED: "",
    PUT_BACK: "Its store was not switched. It is back in the cluster as it was.",
    RETURNED: "Its store was converted back to {former}, with everything that came since. "
    "It is back in the cluster as it was.",
    UNSWITCHED: "Its store is on {former} and complete, but the server is not back in the cluster. If it is configured "
    "for {backend}, Nomad refuses to start on this store. When the cause is gone, run this again.",
    UNKNOWN: "It is unknown whether its store was switched. It was left as it is. Run this again.",
    HALFWAY: "It has a store of each backend, or none that can be read, and its agent does not run. Run this again.",
    RUNNING: "Its store is switched to {backend} and the agent runs, but this server has not passed its checks. It was "
    "left as it is. When the cause is gone, run this again; to give {backend} up, run the module server_backend with "
    "state=returned.",
    DOWN: "Its store is switched to {backend}, but the agent does not run. When the cause is gone, run this again.",
}
