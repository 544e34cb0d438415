# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of what is and of what was done, and what is to be known of each server. Pure."""

from __future__ import annotations

import posixpath
from datetime import datetime, timezone
from typing import Dict, List, Optional, Sequence

from .._agent.cluster.peers import difference
from .._text.lines import narrow_table, table, wrapped
from .._text.sizes import age, counted, human
from . import holds
from .cluster import peer_set
from .server import Peer, Server

PHASES = ("stop", "configuration", "conversion", "start", "rejoin")
TITLES = ("stop", "configuration", "conversion", "start", "back")
TOTAL = "total"
TIMES = "Seconds out of the cluster, on each server's own clock:"
AGAIN = "run the same command again: it goes on from there."
UNHEALTHY = (
    "its leader does not call it healthy. Right after a start that is normal; if it stays so, look at its agent's log."
)
PEERS = (
    "it knows other servers, addresses or voters than its leader. It may elect itself and lose what the others have "
    "acknowledged. Remove nothing and stop nothing; the roll says where they are not the same."
)
TEXTS = {
    "unhealthy": UNHEALTHY,
    "peers": PEERS,
    "interrupted": f"a conversion was begun and has not ended. If it stopped, {AGAIN}",
    "barred": f"a run that was interrupted keeps systemd from starting its agent. If it stopped, {AGAIN}",
    "hold": f"a roll is under way, or stopped before its end. If it stopped, {AGAIN}",
    "unguarded": (
        "if configured for boltdb, Nomad would start here on an empty store. The next time its agent is stopped, run "
        "raft_migrate_backend on it."
    ),
}
# The order in which they are told, the most urgent first.
WORDS = ("down", "silent", "peers", "unhealthy", "at work", "interrupted", "barred", "differs", "hold", "unguarded")
OF_ONE_RUN = ("at work", "down", "interrupted", "barred")  # what one run does or leaves: the first tells of it
SECRET = "Snapshots are secret: they contain the cluster's keys. The playbook cleanup removes the old ones."
HALF = f"It is as an unfinished run leaves a server. If none is at work on it, {AGAIN}"
BARRED = "Until a run ends well, systemd does not start its agent."
RECORDED = "An unfinished roll is recorded on it. "
START = "Start its agent, or run the same command again."
MEANWHILE = " It is down meanwhile."
NO_REMOVAL = "Until the roll ends, autopilot removes no dead servers (CleanupDeadServers is false)."
SPARE = ("version", "applied", "health")  # what a table of status that is too wide leaves out


def status(servers: Sequence[Server], now: Optional[float] = None) -> List[str]:
    """One line for each server of the cluster, and below what is to be known of each. `now` is seconds since 1970."""
    healthy, leaders = health(servers), peer_set(servers)
    rows: List[Sequence[object]] = [("server", "role", "health", "version", "running", "config", "disk", "applied")]
    for server in servers:
        known = [server.host, server.role, healthy[server.host], server.version or "-"]
        store = [server.running or "-", server.configured, server.store, server.applied if server.up else "-"]
        rows.append([*known, *store])
    below = _noted(servers, [notes(one, leaders, healthy[one.host]) for one in servers], now)
    return [*narrow_table(rows, SPARE), *([""] if below else []), *below]


def marks(server: Server) -> List[str]:
    """What a person has to know of a store beside its state."""
    told = {
        "interrupted": server.interrupted,
        "hold": server.hold,
        "unguarded": server.store == "wal" and not server.guarded,
    }
    return [word for word, true in told.items() if true]


def notes(server: Server, leaders: Sequence[Peer], health: str) -> List[str]:
    """All that is not as it should be with this server, a word each, of WORDS and in their order. A run has only one.

    `leaders` are its leader's peers, `health` is its leader's word on it.
    """
    places = {server.configured, server.store, *([server.running] if server.up and server.running else [])}
    told = {
        *marks(server),
        *([] if server.up else ["silent" if server.role == "silent" else "down"]),
        *(["at work"] if server.at_work else []),
        *(["barred"] if server.barred else []),
        *(["differs"] if len(places) > 1 and not _of_a_run(server) else []),
        *(["unhealthy"] if server.up and health == "unhealthy" else []),
        *(["peers"] if server.up and server.peers and difference(server.peers, leaders) else []),
    }
    first = next((word for word in OF_ONE_RUN if word in told), "")
    return [word for word in WORDS if word in told and (word == first or word not in OF_ONE_RUN)]


def _of_a_run(server: Server) -> bool:
    """Whether a run is at work on it, or has ended in the middle."""
    return server.at_work or server.interrupted or server.barred


def _noted(servers: Sequence[Server], told: Sequence[Sequence[str]], now: Optional[float]) -> List[str]:
    """`server: note` for all of them, the most urgent first. `told` are the words of each; `now` is seconds since 1970.

    Servers of which the same is to be said share a note.
    """
    of_each: Dict[str, List[str]] = {}
    hold_is_told = any(_of_a_run(one) or not one.up for one in servers if one.hold)
    for word in [one for one in WORDS if one != "hold" or not hold_is_told]:
        for server, its in zip(servers, told):
            if word in its:
                of_each.setdefault(f"{word}: {_text(word, server)}", []).append(server.host)
    for server, its in zip(servers, told):
        if server.untold and not set(its) & set(OF_ONE_RUN):
            of_each.setdefault(server.transaction, []).append(server.host)
    said = [f"{', '.join(hosts)}: {note}" for note, hosts in of_each.items()]
    return [line for note in [*said, *_unremoved(servers), *_snapshots(servers, now)] for line in wrapped(note)]


def _text(word: str, server: Server) -> str:
    if word in ("down", "silent"):
        return _absent(word, server)
    if word == "at work":
        return f"{server.transaction}{MEANWHILE if server.role == 'down' else ''}"
    if word in ("interrupted", "barred") and server.untold:
        return server.transaction
    if word == "differs":
        runs = f"it runs on {server.running}, is" if server.up and server.running else "it is"
        return (
            f"{runs} configured for {server.configured or 'nothing'} and has {server.store} on its disk. Its next "
            "start would not go on with what runs now, or would fail. Run the roll to its end, or correct "
            "the configuration."
        )
    return TEXTS[word]


def _absent(word: str, server: Server) -> str:
    why = f"{server.error}." if server.error else "its agent does not answer."
    if word == "silent":
        return f"{why} It is not known to be stopped."
    return " ".join(filter(None, [why, server.transaction if server.untold else "", _remedy(server)]))


def _remedy(server: Server) -> str:
    """What brings a server back that is down. Where a roll has left its hold, it need not have stopped it."""
    if not server.ours:
        return "Start its agent."
    if _of_a_run(server) or server.store != server.configured:
        told = [] if server.untold else [HALF]
        return " ".join([*told, *([BARRED] if server.barred else [])])
    return f"{RECORDED if server.hold else ''}{START}"


def _unremoved(servers: Sequence[Server]) -> List[str]:
    """What an unfinished roll means for the whole cluster."""
    held = any(one.hold for one in servers) and not holds.settings_planned(servers).get(holds.SETTING, True)
    return [NO_REMOVAL] if held else []


def _snapshots(servers: Sequence[Server], now: Optional[float]) -> List[str]:
    """What rolls have saved, which is no fault of a server, and what is to be known about that: all of it together."""
    told: Dict[str, List[str]] = {}
    for server in servers:
        if server.snapshots:
            newest = server.snapshots[-1]
            count = counted(len(server.snapshots), "snapshot")
            size = human(sum(one["size"] for one in server.snapshots))
            said = f"{server.host}: {count}, {size}, the newest {_since(newest['created'], now)}"
            told.setdefault(posixpath.dirname(newest["path"]), []).append(said)
    return [*(f"In {folder}: {'; '.join(said)}." for folder, said in told.items()), *([SECRET] if told else [])]


def _since(created: str, now: Optional[float]) -> str:
    if now is None:
        return f"of {created}"
    saved = datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
    return f"{age(max(now - saved, 0.0))} old"


def health(servers: Sequence[Server]) -> Dict[str, str]:
    """Of each host: what the leader says of its server. Of one that does not answer that is out of date."""
    view = next((server.view for server in servers if server.view), None)
    said = view.healthy if view else {}
    words = {True: "healthy", False: "unhealthy", None: "unknown"}
    return {server.host: words[said.get(server.id)] if server.up else "-" for server in servers}


def times(servers: Sequence[Server]) -> List[str]:
    """One line for each server that was out. One that was down before has been out for longer than that."""
    rows: List[List[str]] = [["server", *TITLES, TOTAL]]
    for server in servers:
        if server.times:
            parts = [f"{server.times[name]:.2f}" if name in server.times else "-" for name in PHASES]
            total = f"{server.times[TOTAL]:.2f}" if TOTAL in server.times else "repaired"
            rows.append([server.host, *parts, total])
    return [TIMES, *table(rows)] if len(rows) > 1 else []


def cleanup(servers: Sequence[Server], rehearsal: bool = False) -> List[str]:
    """One line for each old store and snapshot, with what is to become of it, and what that gives; or would give."""
    rows: List[Sequence[object]] = [("server", "store", "old", "action")]
    goes = "would-remove" if rehearsal else "remove"
    found = [(server.host, server.old_stores) for server in servers if server.old_stores]
    for host, old in found:
        for what in "", "_snapshots":
            removed, kept = old.get(f"removed{what}", ()), old.get(f"kept{what}", ())
            rows += [[host, old["state"], posixpath.basename(path), goes] for path in removed]
            rows += [[host, old["state"], posixpath.basename(path), "keep"] for path in kept]
    if len(rows) == 1:
        return ["There is nothing to remove."]
    freed = human(sum(old["freed_bytes"] for _host, old in found))
    would = f"Would remove {freed}. Nothing was changed. To do it, run the same command without --check."
    return [*table(rows), "", would if rehearsal else f"{freed} will become free."]
