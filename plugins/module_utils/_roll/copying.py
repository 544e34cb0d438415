# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsal that stops one follower to copy its store: a roll of that one server, which converts nothing. Pure.

Its host is the option `copies`, which the plan chooses once. A server that an earlier run has left down comes first,
and is only brought back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import List, Sequence

from .._text.lines import table
from .._text.sizes import cell
from .host.transaction import COPIED, OTHER, PRESENT
from .options import Options
from .server import Server

Servers = Sequence[Server]
ONLY_THE_LEADER = (
    "Only the leader is on a file system that cannot clone, and no leader is stopped for a rehearsal. Transfer "
    "leadership to another server (nomad operator raft transfer-leadership), then run this again. Nothing was changed."
)
LEADS = "it leads by now, and no leader is stopped for a rehearsal"


def chosen(servers: Servers, needing: Sequence[str]) -> str:
    """The host whose server is taken: one that was left down, else the first of `needing` that does not lead, or ""."""
    left = [one.host for one in servers if one.at_work or (not one.up and one.ours)]
    follow = [one.host for one in servers if one.host in needing and one.up and one.role != "leader"]
    return [*left, *follow, ""][0]


def marked(servers: Servers, options: Options) -> List[Server]:
    """The servers, with something to do for this one alone, whatever backend they are on."""
    return [replace(one, todo=one.host == options.copies) if options.copies else one for one in servers]


def is_copied(server: Server) -> bool:
    """Whether its store is copied in its turn. Of one that is down there is nothing to be asked: it is brought back."""
    return server.up or server.at_work


def backend(server: Server) -> str:
    """The one that it is on, before and after."""
    return server.running or server.configured


def state(server: Server) -> str:
    """What server_backend is asked for."""
    return COPIED if is_copied(server) else PRESENT


def towards(server: Server, options: Options) -> str:
    """The backend to which a failure may have brought the store, for what is said of it."""
    if not options.copies:
        return options.backend
    return OTHER[backend(server)] if is_copied(server) else backend(server)


def unfinished(servers: Servers, options: Options) -> str:
    """Why no server is stopped while a conversion is not over; "" when there is none."""
    told = [one.host for one in servers if one.interrupted or (one.host == options.copies and not _is_settled(one))]
    if not options.copies or not told:
        return ""
    return (
        f"A conversion is unfinished on {', '.join(told)}. Run the roll to its end first: before that no server is "
        "stopped for a rehearsal."
    )


def _is_settled(server: Server) -> bool:
    return server.at_work or server.configured == server.store == backend(server)


def question(servers: Servers, options: Options) -> str:
    """What is shown right above the question, several lines."""
    server = next(one for one in servers if one.host == options.copies)
    what = "stopped, its Raft log store is copied, and it is started" if is_copied(server) else "brought back"
    lines = [
        f"For a rehearsal this Nomad server is {what}:",
        *table([("server", "role", "size"), (server.host, server.role, cell(server.size))]),
        "Its store and its configuration stay as they are.",
        "Ctrl-C ends the run. If the server is out then, its own host brings it back.",
    ]
    return "\n".join(lines)


def verdict(options: Options) -> str:
    """The end of the run, in a sentence."""
    return f"{options.copies} was out of the cluster for the rehearsal, and is back as it was."
