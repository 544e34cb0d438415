# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of the group against the cluster, as each of them and the leader knows it. Pure.

All functions take the servers in the order of the inventory, as they were last looked at: those that are done as they
were at the beginning of their turn.
"""

from __future__ import annotations

from typing import Iterable, List, Sequence, Tuple

from .._agent.cluster.health import tolerance
from .options import Options
from .server import Peer, Server, View

Servers = Sequence[Server]


def queue(servers: Servers) -> List[Server]:
    """In the order in which they are taken: down, interrupted or done, non-voters, followers, the leader."""
    return sorted(servers, key=lambda server: server.rank)


def busy(servers: Servers) -> List[Server]:
    """Those with something left to do, in the order in which they are taken."""
    return [server for server in queue(servers) if server.todo]


def later(servers: Servers, options: Options) -> List[Server]:
    """Those with something left to do whose turn does not come in this run, because it takes only a canary."""
    return busy(servers)[options.stop_after :] if options.stop_after else []


def taken(servers: Servers, options: Options) -> List[Server]:
    """Those whose turn comes in this run, in the order in which they are taken."""
    left = [server.host for server in later(servers, options)]
    return [server for server in queue(servers) if server.host not in left]


def down(servers: Servers) -> List[Server]:
    """Those that do not answer."""
    return [server for server in servers if not server.up]


def leaders(servers: Servers) -> List[Server]:
    """Those that say that they lead."""
    return [server for server in servers if server.role == "leader"]


def leaders_named(servers: Servers) -> List[str]:
    """The addresses of the leader that those that answer name, each once; "" where one names none."""
    return unique(server.leader for server in servers if server.up)


def outage(servers: Servers, options: Options) -> bool:
    """Whether there is no leader because of the one server that this collection has left down.

    In a cluster of one or two there is nobody to ask, and nothing to lose, until it is back.
    """
    lost = down(servers)
    ours = len(lost) == 1 and lost[0].ours
    return options.allow_outage and len(servers) <= 2 and not leaders(servers) and ours


def without(servers: Servers) -> str:
    """Id of the one server that does not count: down, or interrupted where none is down, else "". It comes first."""
    unfinished = [*down(servers), *(server for server in servers if server.interrupted)]
    return unfinished[0].id if unfinished else ""


def tolerated(view: View, repaired: str) -> int:
    """How many servers the cluster can lose: what the leader says, or, while one is repaired, when that one is back."""
    return tolerance(len({*view.voters, repaired})) if repaired else view.failure_tolerance


def peer_set(servers: Servers) -> Tuple[Peer, ...]:
    """The Raft configuration, the leader's where it is known."""
    return next((server.peers for server in [*leaders(servers), *queue(servers)] if server.peers), ())


def strangers(servers: Servers) -> List[str]:
    """Addresses of servers of the cluster that are not in the group."""
    ids = {server.id for server in servers}
    return [peer.address for peer in peer_set(servers) if peer.id not in ids]


def no_peers(servers: Servers) -> List[str]:
    """Hosts of the group that are not in the cluster. One that is down may have been removed by autopilot."""
    ids = {peer.id for peer in peer_set(servers)}
    return [server.host for server in servers if server.up and server.id not in ids]


def nonvoters(servers: Servers) -> List[str]:
    """Ids of those that had no vote when the plan was made."""
    return unique(peer.id for server in servers for peer in server.peers_planned if not peer.voter)


def voters(servers: Servers) -> List[str]:
    """Ids of the voters that there have to be.

    Those of the plan, and a server that was down then and has been brought back since: autopilot may have removed it
    meanwhile. Where no leader could be asked, the servers of the group.
    """
    none = nonvoters(servers)
    views = [list(server.view_planned.voters) for server in servers if server.view_planned]
    planned = next(filter(None, views), None) or [server.id for server in servers if server.id not in none]
    repaired = [server.id for server in servers if not server.up and server.done and server.id not in none]
    return unique([*planned, *repaired])


def voters_with(servers: Servers, server: Server) -> List[str]:
    """The same when this server is back."""
    counts = not server.up and server.id not in nonvoters(servers)
    return unique([*voters(servers), *([server.id] if counts else [])])


def unique(names: Iterable[str]) -> List[str]:
    """Each once, in the order in which they came."""
    return list(dict.fromkeys(names))
