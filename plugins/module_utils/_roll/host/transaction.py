# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps take one server from one backend to the other, what keeps them from being begun, who else is at it. Pure.

The order is what keeps a server that is interrupted from starting on an empty store: the configuration names the WAL
before there is one, and until there is none. With the other order Nomad would start empty, without a word.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

WAL, BOLTDB = "wal", "boltdb"
OTHER = {WAL: BOLTDB, BOLTDB: WAL}
PRESENT, RETURNED, COPIED = "present", "returned", "copied"

LAST_LOOK, STOP, CONFIGURATION, CONVERSION, COPY = "last look", "stop", "configuration", "conversion", "copying"
FORMER, START, REJOIN, LOG = "former configuration", "start", "rejoin", "log"

FORWARD = {
    WAL: (LAST_LOOK, STOP, CONFIGURATION, CONVERSION, START, REJOIN, LOG),
    BOLTDB: (LAST_LOOK, STOP, CONVERSION, CONFIGURATION, START, REJOIN, LOG),
}
"""The steps to the backend that is wanted."""

BACK = {
    WAL: (STOP, FORMER, CONVERSION, START, REJOIN),
    BOLTDB: (STOP, CONVERSION, FORMER, START, REJOIN),
}
"""The steps of a server that was switched and has failed, back to the backend that it came from."""

COPYING = (LAST_LOOK, STOP, COPY, START, REJOIN, LOG)
"""The steps of a server whose store is copied, to be rehearsed on. It stays as it is."""

AS_IT_WAS = (FORMER, START, REJOIN)
"""The steps where the store was not switched."""

SENTENCES = {
    LAST_LOOK: "ask, through the server's own agent, whether the cluster can do without it now",
    STOP: "stop the agent, keep it stopped, and wait until it has let go of its store",
    CONFIGURATION: "configure {backend}",
    FORMER: "put the configuration back as it was before",
    CONVERSION: "convert the store to {backend}",
    COPY: "copy the store to where raft_rehearse finds it",
    START: "start the agent",
    REJOIN: "wait until the server is back, on {backend}, and stays so",
    LOG: "look for errors about the store in the agent's log",
}


SHOWN = {
    LAST_LOOK: "asking whether it may be stopped",
    STOP: "stopping its agent",
    CONFIGURATION: "writing its configuration",
    FORMER: "putting its configuration back",
    CONVERSION: "converting its store",
    START: "starting its agent",
    REJOIN: "waiting until it is back",
    LOG: "checking its log",
    "convert": "converting",
    "verify": "comparing",
}
"""The names of the steps, and of what a conversion does, as people read them."""


class Seen(NamedTuple):
    """A server before anything is done: the backends that it runs on, is configured for and has its store on.

    `running` is "" when the agent does not answer; `stored` None when it cannot be told or there is no store.
    `interrupted`: a conversion was begun and not finished.
    """

    running: str
    configured: str
    stored: Optional[str]
    interrupted: bool


class Obstacles(NamedTuple):
    """What is known of a server before it may be stopped at all. Numbers of signals are those of signal(7), 0: unknown.

    `wait_s` are the seconds that it has to stay back, and those in which that has to happen.
    """

    missing_commands: Tuple[str, ...] = ()
    leave_on_interrupt: bool = False
    leave_on_terminate: bool = False
    stop_signal: int = 0
    silent: str = ""
    refusal: str = ""
    wait_s: Tuple[float, float] = (0, 1)


class Note(NamedTuple):
    """Who is at work on a server: the transaction's number and process, who asked for what, and since when (UTC)."""

    id: str
    pid: int
    origin: str
    since: str
    backend: str
    state: str
    begun: bool


def steps(state: str, backend: str) -> Tuple[str, ...]:
    """The steps of a transaction. With RETURNED, `backend` is the one that is given up, and its log of no interest."""
    if state == COPIED:
        return COPYING
    return FORWARD[backend] if state == PRESENT else FORWARD[OTHER[backend]][:-1]


def shown(step: str) -> str:
    """The step as people read it."""
    return SHOWN.get(step, step)


def last_seen(step: str) -> str:
    """Where a run was that has ended in the middle, for a sentence."""
    return f"while {shown(step)}" if step else "at its beginning"


def goal(state: str, backend: str) -> str:
    """The backend at the end."""
    return OTHER[backend] if state == RETURNED else backend


def away(state: str, backend: str) -> str:
    """The backend to which a failure may have brought the store: no copy does, so it is still on the other one."""
    return OTHER[backend] if state == COPIED else goal(state, backend)


def sentences(state: str, backend: str) -> List[str]:
    """The steps in words."""
    return [SENTENCES[step].format(backend=goal(state, backend)) for step in steps(state, backend)]


def is_done(seen: Seen, backend: str) -> bool:
    """Whether it is on the backend: it runs on it, starts on it, and has its store on it."""
    return not seen.interrupted and {seen.running, seen.configured, seen.stored} == {backend}


def not_to_be_copied(seen: Seen, backend: str, refusal: str) -> List[str]:
    """Why its store must not be copied; `refusal` is that of the rehearsal, which asks for space among others."""
    if not is_done(seen, backend):
        return [f"nothing is copied of a server that is not wholly on {backend}, as it runs, starts and has its store"]
    return [f"its store cannot be rehearsed: {refusal.rstrip('. ')}"] if refusal else []


def obstacles(found: Obstacles, backend: str) -> List[str]:
    """Why this server must not be stopped, whatever the cluster says; empty if nothing rules it out."""
    told = (
        _commands(found),
        _leaves(found),
        _silent(found),
        _refusal(found, backend),
        _never_back(found),
    )
    return [one for one in told if one]


def _commands(found: Obstacles) -> str:
    return f"give {', '.join(found.missing_commands)}" if found.missing_commands else ""


def _leaves(found: Obstacles) -> str:
    told = "it would leave the cluster at its stop: {} is true and its unit is not known to stop it with {}"
    if found.leave_on_interrupt and found.stop_signal != 15:
        return told.format("leave_on_interrupt", "SIGTERM")
    if found.leave_on_terminate and found.stop_signal != 2:
        return told.format("leave_on_terminate", "SIGINT")
    return ""


def _silent(found: Obstacles) -> str:
    if not found.silent:
        return ""
    return f"its agent does not answer, and is not known to be stopped: {found.silent.rstrip('. ')}"


def _refusal(found: Obstacles, backend: str) -> str:
    return f"its store cannot be brought to {backend}: {found.refusal.rstrip('. ')}" if found.refusal else ""


def _never_back(found: Obstacles) -> str:
    stable_s, timeout_s = found.wait_s
    if stable_s < timeout_s:
        return ""
    return f"it could never be back in time: stable_for is {stable_s:g} s and wait_timeout {timeout_s:g} s"


def at_work(note: Note) -> str:
    """Who is at work, for a sentence."""
    by = f" for {note.origin}" if note.origin else ""
    what = "copying its store" if note.state == COPIED else f"bringing it to {goal(note.state, note.backend)}"
    return f"process {note.pid} has been {what}{by} since {note.since}"


def other_wish(note: Note, backend: str, state: str) -> str:
    """Why nobody with this wish may attach to what is at work; "" when it is the same wish."""
    if goal(note.state, note.backend) == goal(state, backend) and (note.state == COPIED) == (state == COPIED):
        return ""
    what = (
        "Its store cannot be copied" if state == COPIED else f"This server cannot be brought to {goal(state, backend)}"
    )
    return f"{what} now: {at_work(note)}. Wait until it has ended, then run this again."


def earlier(note: Optional[Note], answer: Optional[Dict[str, Any]], step: str) -> str:
    """What became of the run before, of which nobody has heard; "" when there is nothing to tell.

    `answer` is what it has left, `step` the last one that it was seen at.
    """
    if note is None or not note.begun:
        return ""
    by = f" for {note.origin}" if note.origin else ""
    to = "copy its store" if note.state == COPIED else goal(note.state, note.backend)
    run = f"The run that process {note.pid} began{by} at {note.since}, to {to},"
    if answer is None:
        return f"{run} ended before it was done, {last_seen(step)}. The next run goes on from what is on the disk."
    if answer.get("failed"):
        return f"{run} has failed: {answer['msg']}"
    what = "is back" if answer.get("changed") else "was so already"
    return f"{run} was interrupted, and its own host finished it: the server {what}."
