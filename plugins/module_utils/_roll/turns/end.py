# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a roll, and of a look: what is proven then, and what else there is to say. Pure."""

from __future__ import annotations

from typing import Any, List, Mapping, NamedTuple, Optional, Sequence

from ..._agent.cluster.peers import difference
from .. import closing, cluster, holds
from ..options import Options
from ..server import Server
from . import oldstores
from .gate import Gate, gate

Servers = Sequence[Server]


class End(NamedTuple):
    """What is proven, shown and asked about once all servers had their turn.

    `ill`: not all is well, and that was to be a failure. `on_backend`: this server would start on the backend again.
    `tidy`: its old stores and snapshots may go, those of the hosts in `old`. `forgotten` is a warning of settings.
    """

    ill: Gate
    on_backend: Gate
    tidy: Gate
    forgets: bool
    forgotten: str
    has_old: bool
    old: List[str]


def at_end(servers: Servers, server: Server, options: Options, settings: Optional[Mapping[str, Any]]) -> End:
    """What there is to say at the end about this server, and about all. `settings`: autopilot's after the release."""
    forgotten = holds.forgotten(servers, settings)
    old = [one.host for one in servers if one.old_stores and oldstores.goes(one.old_stores)]
    return End(
        ill=gate(closing.verdict(servers, options) if options.status_strict and closing.ill(servers) else ""),
        on_backend=on_backend(server, options),
        tidy=tidy(servers, server),
        forgets=bool(forgotten),
        forgotten=forgotten,
        has_old=bool(old),
        old=old,
    )


def on_backend(server: Server, options: Options) -> Gate:
    """Whether the server is on the backend, and would start on it again. One that comes later: on the other."""
    if options.copies and is_settled(server):
        return gate("")
    waits = bool(options.stop_after) and not server.done and server.up and is_settled(server)
    if not server.todo or waits:
        return gate("")
    return gate(
        f"{server.host} is {server.role}, runs on {server.running or 'nothing'}, is configured for "
        f"{server.configured} and has a store in state {server.store}."
    )


def is_settled(server: Server) -> bool:
    """Whether it runs on the store that it is configured for, and no conversion is unfinished."""
    same = server.running == server.configured == server.store and server.store in ("boltdb", "wal")
    return same and not server.interrupted


def tidy(servers: Servers, server: Server) -> Gate:
    """Whether old stores may go: it runs on what it is configured for, knows its leader's peers, has ended."""
    other = difference(server.peers, cluster.peer_set(servers)) if server.up and server.peers else ""
    if other:
        return gate(
            f"{server.host} has another Raft configuration than its leader: {other}. It may lose what the others have "
            "acknowledged. Nothing is removed from any server until this is in order."
        )
    if server.up and is_settled(server) and not server.hold:
        return gate("")
    state = [server.store]
    state += ["a conversion is unfinished"] if server.interrupted else []
    state += ["and a roll has left its hold there"] if server.hold else []
    return gate(
        f"{server.host} runs on {server.running or 'nothing'}, is configured for {server.configured} and has a store "
        f"in state {', '.join(filter(None, state))}. Nothing is removed from any server until this is in order. Run "
        "the roll to its end first."
    )
