# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of cells as lines of text, and the tables of what is and of what was done. Pure.

One word in a cell: Ansible's YAML output breaks long lines at single spaces.
"""

from __future__ import annotations

from typing import Dict, List, Sequence

from .._agent.cluster.peers import difference
from .cluster import peer_set
from .server import Peer, Server

PHASES = ("stop", "configuration", "conversion", "start", "rejoin")
TOTAL = "total"
TIMES = "Seconds out of the cluster, on each server's own clock:"
MEANT = (
    "stop: until the agent has let go of its store. start: until it runs.",
    "rejoin: until it is back, without the time it has to stay so.",
)
UNFINISHED = (
    "hold, interrupted: a roll is under way, or stopped before its end. If it stopped, run the same command again: it "
    "goes on from there."
)
UNGUARDED = (
    "unguarded: if configured for boltdb, Nomad would start there on an empty store. The next time its agent is "
    "stopped, run raft_migrate_backend on it."
)
DIFFERS = (
    "differs: what runs, what is configured and what is on disk are not the same. The next start would not go on with "
    "what runs now, or would fail. Run the roll to its end, or correct the configuration."
)
PEERS = (
    "peers: the server itself knows other servers, addresses or voters than its leader. It may elect itself and lose "
    "what the others have acknowledged. Remove nothing and stop nothing; a roll says what is other."
)
WORDS = (({"peers"}, PEERS), ({"interrupted", "hold"}, UNFINISHED), ({"unguarded"}, UNGUARDED), ({"differs"}, DIFFERS))

_UNITS = ("Bytes", "KB", "MB", "GB", "TB", "PB", "EB")


def table(rows: Sequence[Sequence[object]]) -> List[str]:
    """One line for each row, the first one with the titles; columns as wide as needed."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in texts]


def marks(server: Server) -> List[str]:
    """What a person has to know of a store beside its state."""
    told = {
        "interrupted": server.interrupted,
        "hold": server.hold,
        "unguarded": server.store == "wal" and not server.guarded,
    }
    return [word for word, true in told.items() if true]


def notes(server: Server, leaders: Sequence[Peer]) -> List[str]:
    """All that is not as it should be with this server, a word each; see WORDS. `leaders`: the leader's peers."""
    places = {server.configured, server.store, *([server.running] if server.up and server.running else [])}
    told = {
        "differs": len(places) > 1 and not server.interrupted,
        "peers": server.up and bool(server.peers) and bool(difference(server.peers, leaders)),
    }
    return [*([] if server.up else [server.role]), *marks(server), *(word for word, true in told.items() if true)]


def status(servers: Sequence[Server]) -> List[str]:
    """One line for each server of the cluster, and what its words mean. Without notes it fits on 70 columns."""
    healthy, leaders = health(servers), peer_set(servers)
    rows: List[Sequence[object]] = [
        ("server", "role", "health", "version", "running", "config", "disk", "applied", "note")
    ]
    for server in servers:
        known = [server.host, server.role, healthy[server.host], server.version or "-"]
        store = [server.running or "-", server.configured, server.store, server.applied if server.up else "-"]
        rows.append([*known, *store, ",".join(notes(server, leaders))])
    told = {word for server in servers for word in notes(server, leaders)}
    rows = rows if told else [row[:-1] for row in rows]
    below = [sentence for words, sentence in WORDS if told & words]
    below += [f"{server.host}: {server.transaction}" for server in servers if server.transaction]
    below += [f"{server.host}: {server.error}." for server in servers if server.error]
    return [*table(rows), *([""] if below else []), *below]


def health(servers: Sequence[Server]) -> Dict[str, str]:
    """Of each host: what the leader says of its server. Of one that does not answer that is out of date."""
    view = next((server.view for server in servers if server.view), None)
    said = view.healthy if view else {}
    words = {True: "healthy", False: "unhealthy", None: "unknown"}
    return {server.host: words[said.get(server.id)] if server.up else "-" for server in servers}


def times(servers: Sequence[Server]) -> List[str]:
    """One line for each server that was out. One that was down before has been out for longer than that."""
    rows: List[List[str]] = [["server", *PHASES, TOTAL]]
    for server in servers:
        if server.times:
            parts = [f"{server.times[name]:.2f}" if name in server.times else "-" for name in PHASES]
            total = f"{server.times[TOTAL]:.2f}" if TOTAL in server.times else "repaired"
            rows.append([server.host, *parts, total])
    return [TIMES, *table(rows), *MEANT] if len(rows) > 1 else []


def status_and_times(servers: Sequence[Server]) -> List[str]:
    """Both, at the end of a roll; where no server was out, only the status."""
    told = times(servers)
    return [*status(servers), *([""] if told else []), *told]


def cleanup(servers: Sequence[Server], rehearsal: bool = False) -> List[str]:
    """One line for each old store, with what is to become of it, and what that gives; in a rehearsal, what would."""
    rows: List[Sequence[object]] = [("server", "store", "old store", "action")]
    goes = "would-remove" if rehearsal else "remove"
    found = [(server.host, server.old_stores) for server in servers if server.old_stores]
    for host, old in found:
        for name in [*old["removed"], *old["kept"]]:
            rows.append([host, old["state"], name, goes if name in old["removed"] else "keep"])
    freed = human(sum(old["freed_bytes"] for _host, old in found))
    return [
        *table(rows),
        "",
        f"Would remove {freed}. Nothing was changed." if rehearsal else f"{freed} will become free.",
    ]


def human(size: float) -> str:
    """A number of bytes for people: two digits at least, as few as that needs."""
    power = 0
    while size >= 1024 and power < len(_UNITS) - 1:
        size, power = size / 1024, power + 1
    return f"{size:.{1 if power and size < 9.95 else 0}f} {_UNITS[power]}"
