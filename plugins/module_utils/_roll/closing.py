# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a run, for the ticket: what was done, what was left, how far the cluster is and what comes next. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Dict, List, Mapping, Optional, Sequence

from .._agent.cluster.health import majority
from .._text.lines import wrapped
from . import cluster, copying
from .host.transaction import REJOIN, START
from .options import Options
from .server import Server
from .tables import TOTAL, health, notes, status, times

Servers = Sequence[Server]
CLOCK = "%H:%M:%S"
MOMENT = f"%Y-%m-%d {CLOCK}"
HALF_WAY = "Half way: migrate goes on, rollback goes back."
UNFINISHED = "A roll is unfinished: if none is running now, run the same command again."


def at_end(servers: Servers, options: Options, now: Optional[float] = None) -> List[str]:
    """The cluster as it is, the times out, and the end of the run. `now` is seconds since 1970.

    After a roll only its own snapshots are named; a look lists all that are there.
    """
    rolled = any(server.times for server in servers)
    shown = [replace(server, snapshots=()) for server in servers] if rolled else servers
    out = times(servers)
    return [*status(shown, now), *([""] if out else []), *out, *closing(servers, options)]


def closing(servers: Servers, options: Options) -> List[str]:
    """What was done on each server, where the old stores and the snapshots are, the hold, and the verdict."""
    if options.check_mode:
        return ["", *wrapped(verdict(servers, options))]
    told = [line for server in servers if server.times for line in _done(server, options)]
    snapshots = [f"  {one.host} {path}" for one in servers for path in (one.snapshot, one.own_snapshot) if path]
    if snapshots:
        told += ["Snapshots (secret: the cluster's keys are in them; cleanup removes old ones):", *snapshots]
    if any(server.previous is not None for server in servers) and not any(server.hold for server in servers):
        told.append("Autopilot's removal of dead servers is as it was before.")
    return ["", *told, *wrapped(verdict(servers, options))]


def _done(server: Server, options: Options) -> List[str]:
    """One server's part of the roll, in lines that a terminal does not break. Without a conversion its store was on
    the backend already."""
    found, spent = server.converted or {}, server.times or {}
    out = f"out of the cluster {spent[TOTAL]:.2f} s" if TOTAL in spent else "was down before"
    if server.began_at is not None and REJOIN in spent:
        out += f", {_span(server.began_at, spent)}"
    on = copying.backend(server) if options.copies else options.backend
    lines = wrapped(f"{server.host}: on {on}, {out}")
    if found.get("verified"):
        lines.append(f"  {found['verified']} entries converted and compared")
    if found.get("backup"):
        lines.append(f"  kept {found['backup']}")
    return lines


def _span(started_at: float, spent: Mapping[str, float]) -> str:
    """From its stop until it was back, by its own clock. `started_at`: when its start began, seconds since 1970."""
    back_at = started_at + spent.get(START, 0.0) + spent[REJOIN]
    ended = datetime.fromtimestamp(back_at, timezone.utc)
    if TOTAL not in spent:
        return f"back {ended:{MOMENT}} UTC"
    began = datetime.fromtimestamp(back_at - spent[TOTAL], timezone.utc)
    return f"{began:{MOMENT}} to {ended:{CLOCK if began.date() == ended.date() else MOMENT}} UTC"


def verdict(servers: Servers, options: Options) -> str:
    """One line on the state of the cluster, after a look, a rehearsal or a roll."""
    if options.copies:
        return copying.verdict(options)
    left, was_rolled = cluster.busy(servers), any(server.done for server in servers)
    if was_rolled and options.check_mode:
        return _rehearsed(servers, options)
    if not was_rolled:
        return " ".join([f"{_counted(servers)}.", *_judged(servers)])
    if left:
        return (
            f"{_on(servers, options)}. Run this again to go on; without raft_logstore_stop_after it takes all that are "
            "left."
        )
    if not any(server.times for server in servers):
        return f"Nothing to do: {_on(servers, options)}."
    return f"Done: {_on(servers, options)}. The old stores stay until you run cleanup."


def _judged(servers: Servers) -> List[str]:
    """Sentences on the whole cluster after a look. Fleets know "All is well." """
    wrong, lost = ill(servers), cluster.down(servers)
    if not wrong:
        half = len({one.running for one in servers if one.running}) > 1
        return ["All is well.", *([HALF_WAY] if half else [])]
    unfinished = any(one.hold or one.interrupted or one.barred for one in servers)
    told = [_serves(servers)] if lost else []
    return [*told, f"Look at {'; '.join(wrong)}.", *([UNFINISHED] if unfinished else [])]


def _serves(servers: Servers) -> str:
    """What the cluster can still do while servers are down."""
    voters, up = cluster.voters(servers), [one.id for one in servers if one.up]
    left = len([one for one in voters if one in up])
    if not cluster.leaders(servers):
        return "No server leads: the cluster accepts no writes."
    spare = left - majority(len(voters))
    more = f"can lose {spare} more" if spare > 0 else "cannot lose another"
    return f"The cluster still serves ({left} of {len(voters)} voters), but {more}."


def ill(servers: Servers) -> List[str]:
    """The servers that are not as they should be, each with what is wrong; none while all is well."""
    said, leaders = health(servers), cluster.peer_set(servers)
    told = [(one.host, notes(one, leaders, said[one.host])) for one in servers]
    return [f"{host} ({', '.join(its)})" for host, its in told if its]


def _rehearsed(servers: Servers, options: Options) -> str:
    taken, later = cluster.taken(servers, options), cluster.later(servers, options)
    names = ", ".join(server.host for server in taken if server.todo)
    if not names:
        return f"Nothing to do: {_on(servers, options)}. Nothing was changed."
    rest = f" {', '.join(server.host for server in later)} would come in a later run." if later else ""
    return (
        f"Nothing stands against the roll now. It would take {names}.{rest} Nothing was changed. To do it, run "
        "the same command without --check."
    )


def _on(servers: Servers, options: Options) -> str:
    there = [server for server in servers if server.up and server.running == options.backend]
    return f"{len(there)} of {len(servers)} on {options.backend}"


def _counted(servers: Servers) -> str:
    """How many run on which backend, the most first, and how many do not run."""
    counts: Dict[str, int] = {}
    for server in servers:
        state = f"on {server.running}" if server.up and server.running else server.role
        counts[state] = counts.get(state, 0) + 1
    parts: List[str] = [f"{count} {state}" for state, count in sorted(counts.items(), key=lambda one: -one[1])]
    return f"{len(servers)} servers: {', '.join(parts)}" if len(servers) != 1 else f"1 server: {parts[0][2:]}"
