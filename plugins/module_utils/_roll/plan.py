# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a roll: who comes when and what is done there, what is refused and why, what to know. Pure."""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .._agent import versions
from .._agent.cluster.peers import difference
from .._disk.errors import page
from .._text.lines import table
from .._text.sizes import cell, human
from . import cluster, copying, holds
from .obstacles import immobile, lacks, powerless
from .options import Options
from .question import question
from .server import RANKS, UNFINISHED, Server, View
from .tables import marks

Servers = Sequence[Server]
SETTLED_WITHIN_S = 15


class Plan(NamedTuple):
    """What is shown, who is taken in which order, and the first thing that prevents it.

    `copies`: the host whose store is only copied, "" in a roll. `queue`: empty where there is nothing to do. `asks`:
    whether the leader can and must be asked about its cluster, on the host `speaker`, by server_wait with the
    condition `until`, but for the server with the id `without`, which is repaired (`repair`). `ids`: all servers that
    the roll concerns.
    """

    lines: List[str]
    notes: List[str]
    copies: str
    queue: List[str]
    busy: List[str]
    begins: bool
    question: str
    refused: bool
    gate: str
    refusal: str
    asks: bool
    speaker: str
    until: str
    without: str
    repair: bool
    wait_timeout: int
    tolerance: Optional[int]
    ids: List[str]


def plan(servers: Servers, options: Options, view: Optional[View] = None) -> Plan:
    """The plan from all servers as they were read, and, once it was asked, the leader's view of the healthy cluster."""
    servers = copying.marked(servers, options)
    gate, refusal = refused(servers, options, view)
    notes, without = warnings(servers, options), cluster.without(servers)
    lines = table(rows(servers, options))
    taken = cluster.taken(servers, options)
    busy = [server.host for server in taken if server.todo]
    up = [server.host for server in servers if server.up]
    return Plan(
        lines=[*lines, "", *notes] if notes else lines,
        notes=notes,
        copies=options.copies,
        queue=_queue(taken, options) if busy or any(server.untold for server in servers) else [],
        busy=busy,
        begins=bool(busy),
        question=copying.question(servers, options) if options.copies else question(servers, options),
        refused=bool(refusal),
        gate=gate,
        refusal=f"{refusal} Nothing was changed." if refusal else "",
        asks=bool(busy) and not cluster.outage(servers, options),
        speaker=[*up, *(server.host for server in servers)][0],
        until="stoppable" if without else "healthy",
        without=without,
        repair=bool(without),
        wait_timeout=0 if options.check_mode else SETTLED_WITHIN_S,
        tolerance=cluster.tolerated(view, without) if view else None,
        ids=cluster.unique([server.id for server in servers] + [peer.id for peer in cluster.peer_set(servers)]),
    )


def _queue(taken: Servers, options: Options) -> List[str]:
    return [options.copies] if options.copies else [server.host for server in taken]


def refused(servers: Servers, options: Options, view: Optional[View] = None) -> Tuple[str, str]:
    """The first gate that is closed, and why in a sentence; twice "" when all are open."""
    for gate, closed in GATES.items():
        refusal = closed(servers, options)
        if refusal:
            return gate, refusal
    told = copying.unfinished(servers, options)
    if told:
        return "No conversion is unfinished", told
    short = _too_few(servers, options, view) if view else ""
    return (TOLERANCE, short) if short else ("", "")


def _too_old(servers: Servers, _options: Options) -> str:
    old = [
        f"{server.host} runs {server.version}" for server in servers if server.up and versions.too_old(server.version)
    ]
    return f"The WAL backend came with Nomad 2.0.0. Upgrade first: {', '.join(old)}." if old else ""


def _starts_empty(servers: Servers, _options: Options) -> str:
    hosts = [server.host for server in servers if server.starts_empty]
    if not hosts:
        return ""
    return (
        f"{', '.join(hosts)}: the store is wal/, there is no raft.db, and the configuration does not say wal. At its "
        "next start Nomad would silently create a new, empty store. Do not start or restart it. Set "
        'server { raft_logstore { backend = "wal" } } in its configuration, then run this again.'
    )


def _weak_token(servers: Servers, options: Options) -> str:
    weak = [(lacks(server.lacking, options), server.host) for server in servers]
    told = [f"{what} on {host}" for what, host in weak if what]
    if not told or not cluster.busy(servers):
        return ""
    return (
        f"The token lacks {'; '.join(told)}. Give one that may: {page('runbook', 'acls')} has the policy. A server "
        "that has just been restarted knows no tokens for some seconds: then run this again."
    )


def _powerless(servers: Servers, _options: Options) -> str:
    busy = cluster.busy(servers)
    found = [(one.host, powerless(one.root, one.user, one.systemd, one.unwritable)) for one in busy]
    told = [f"{host}: {what}" for host, what in found if what]
    if not told:
        return ""
    return f"{'; '.join(told)}. Run this as root on the servers: become: true in the inventory, or --become."


def _other_group(servers: Servers, _options: Options) -> str:
    ids = [server.id for server in servers]
    if len(set(ids)) != len(ids):
        return f"Several hosts of the group are the same server: {', '.join(ids)}."
    strangers, no_peers = cluster.strangers(servers), cluster.no_peers(servers)
    if strangers:
        named = ", ".join(strangers)
        return f"In the cluster, but not read by this run: {named}. Add them to the group, and run without --limit."
    leaders = [server.host for server in cluster.leaders(servers)]
    if no_peers and len(leaders) > 1:
        return (
            f"{' and '.join(leaders)} each say that they lead, in clusters of their own. Find out which one the others "
            f"follow before you stop or wipe any server, see {page('troubleshooting', 'the-plan-refuses')}."
        )
    return f"In the group, but not in the cluster: {', '.join(no_peers)}." if no_peers else ""


def _of_two_minds(servers: Servers, _options: Options) -> str:
    leaders = cluster.peer_set(servers)
    found = [(one.host, difference(one.peers, leaders)) for one in servers if one.up]
    told = [f"{host}: {what}" for host, what in found if what]
    if not told or not cluster.busy(servers):
        return ""
    return (
        f"Not every server has the leader's Raft configuration. {'; '.join(told)}. Such a server may elect itself and "
        "lose what the others have acknowledged. Run this again; if it stays so, see "
        f"{page('troubleshooting', 'the-plan-refuses')}."
    )


def _hindered(servers: Servers, _options: Options) -> str:
    told = [f"{server.host}: {'; '.join(server.obstacles)}" for server in cluster.busy(servers) if server.obstacles]
    return f"{'. '.join(told)}." if told else ""


def _down(servers: Servers, _options: Options) -> str:
    lost = cluster.down(servers)
    if not lost or (len(lost) == 1 and lost[0].ours):
        return ""
    told = "; ".join(f"{server.host}: {server.error}" for server in lost)
    return (
        f"No server can be taken out of the cluster while another is down. Bring back first: {told}. Then run this "
        "again."
    )


def _no_leader(servers: Servers, options: Options) -> str:
    leaders, named = [server.host for server in cluster.leaders(servers)], cluster.leaders_named(servers)
    if not cluster.busy(servers) or cluster.outage(servers, options) or (len(leaders) == 1 and len(named) == 1):
        return ""
    return (
        f"{_leading(leaders)}, and the others name "
        f"{' and '.join(filter(None, named)) or 'no leader'}. Run this again when the servers agree."
    )


def _leading(hosts: Sequence[str]) -> str:
    if len(hosts) > 1:
        return f"{' and '.join(hosts)} say that they lead"
    return f"{hosts[0] if hosts else 'No server'} says that it leads"


def _held_elsewhere(servers: Servers, options: Options) -> str:
    owners = holds.other_owners(servers, options)
    if not owners or options.take_over:
        return ""
    return holds.elsewhere(servers, owners)


def _too_few(servers: Servers, options: Options, view: View) -> str:
    left, least = cluster.tolerated(view, cluster.without(servers)), options.min_failure_tolerance
    if options.allow_outage or left >= least:
        return ""
    return (
        f"The failure tolerance of the cluster is {left}, not {least} or more. Add servers, lower "
        "raft_logstore_min_failure_tolerance, or, in a cluster of one or two, set raft_logstore_allow_outage: the "
        "cluster is then down while a server is converted."
    )


# In the order in which a person should hear of them: what is most dangerous to go on with comes first.
GATES: Dict[str, Callable[[Servers, Options], str]] = {
    "Every server runs a Nomad that knows the WAL backend": _too_old,
    "No server would start with an empty store": _starts_empty,
    "Every token may do what a roll does": _weak_token,
    "The modules may do what has to be done": _powerless,
    "The group is the cluster": _other_group,
    "Every server has the leader's Raft configuration": _of_two_minds,
    "Every server may be stopped as far as it alone is concerned": _hindered,
    "No server is down, except at most one that this collection left down": _down,
    "One server leads, and all that answer say so": _no_leader,
    "No roll of another controller is unfinished": _held_elsewhere,
}
TOLERANCE = "The cluster can lose as many servers as it has to"


def rows(servers: Servers, options: Options) -> List[Sequence[object]]:
    """The table of the plan, with its titles."""
    later = [server.host for server in cluster.later(servers, options)]
    found: List[Sequence[object]] = [("order", "server", "role", "backend", "disk", "action", "index", "size")]
    for order, server in enumerate(cluster.queue(servers), 1):
        who = [order, server.host, server.role]
        disk = ",".join(filter(None, [server.store, *marks(server)]))
        index = "-" if server.last_index is None else server.last_index
        what = "later" if server.host in later else action(server, options)
        found.append([*who, server.running or server.configured, disk, what, index, cell(server.size)])
    return found


def action(server: Server, options: Options) -> str:
    """A word for what is done about this server."""
    if not server.todo:
        return "nothing"
    if not server.up and not server.ours:
        return "refused"
    if options.copies and copying.is_copied(server):
        return "copy"
    if server.rank in (RANKS["down"], UNFINISHED):
        return "finish"
    return "migrate" if options.backend == "wal" else "return"


def warnings(servers: Servers, options: Options) -> List[str]:
    """What a person should know before saying yes, in sentences."""
    told = [f"{server.host}: {server.transaction}" for server in servers if server.transaction]
    told += _untried(servers)
    for server in cluster.busy(servers):
        if server.up or server.ours:  # else it is refused, for being down
            told += [f"{server.host}: {note}" for note in server.notes]
        if not options.copies and server.needs is not None and server.available < server.needs:
            told.append(
                f"{server.host}: the conversion may need more than the {human(server.available)} that are free. If so, "
                "it is refused after the stop, and the server is put back as it was."
            )
        if server.role == "leader" and immobile(server.lacking):
            told.append(
                f"Warning: the token may not move leadership (management). {server.host} leads and is stopped last, "
                "without a transfer: the cluster then accepts no writes for some seconds."
            )
    if not holds.settings_planned(servers).get(holds.SETTING, True) and not holds.left(servers):
        told.append(
            "Warning: autopilot removes no dead servers (CleanupDeadServers is false), and no hold of this collection "
            "says why. This roll does not change that."
        )
    return told


def _untried(servers: Servers) -> List[str]:
    newer = [f"{server.host} runs {server.version}" for server in servers if versions.untried(server.version)]
    if not newer or not cluster.busy(servers):
        return []
    newest = versions.written(versions.NEWEST)
    return [
        f"Warning: this collection was tried with Nomad up to {newest}, and {', '.join(newer)}. See whether there is a "
        "newer version of it, or roll a test cluster first."
    ]
