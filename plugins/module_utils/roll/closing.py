# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last line of a run: how far the cluster is, and what comes next. Pure."""

from __future__ import annotations

from typing import Dict, List, Sequence

from . import cluster
from .options import Options
from .server import Server

Servers = Sequence[Server]


def verdict(servers: Servers, options: Options) -> str:
    """One line on the state of the cluster, after a look, a rehearsal or a roll."""
    left, was_rolled = cluster.busy(servers), any(server.done for server in servers)
    if was_rolled and options.check_mode:
        return _rehearsed(servers, options)
    if not was_rolled or not servers:
        return f"{_counted(servers)}."
    if left:
        return f"{_on(servers, options)}. Run the same command again to go on."
    if not any(server.times for server in servers):
        return f"Nothing to do: {_on(servers, options)}."
    return f"Done: {_on(servers, options)}. The old stores stay until you run the playbook cleanup."


def _rehearsed(servers: Servers, options: Options) -> str:
    taken, later = cluster.taken(servers, options), cluster.later(servers, options)
    names = ", ".join(server.host for server in taken if server.todo)
    if not names:
        return f"Nothing to do: {_on(servers, options)}. Nothing was changed."
    rest = f" {', '.join(server.host for server in later)} would come in a later run." if later else ""
    return f"Nothing stands against the roll now. It would take {names}.{rest} Nothing was changed."


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
