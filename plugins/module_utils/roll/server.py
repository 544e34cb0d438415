# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server: as it was found on its disk and by its API, and what was noted about it since. Pure.

Between two tasks a server is a plain dict, the fact raft_logstore_server: `values` makes it, `parse` reads it. It has
no token in it.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from .obstacles import Answers, obstacles
from .options import Options
from .unit import Unit

RANKS = {"down": 0, "silent": 0, "non-voter": 2, "follower": 3, "leader": 4}
UNFINISHED = 1
FROM_STORE = ("interrupted", "interrupted_by", "held", "guarded", "raft_dir", "size")
IN_USE = "Its store is in use, so the agent seems to run: wait if it is starting, else check the address given for it"


class Peer(NamedTuple):
    """One server in the Raft configuration."""

    id: str
    address: str
    voter: bool


class View(NamedTuple):
    """The leader's view of the cluster: who leads and votes, how many may be lost, who is healthy, by Raft ID."""

    leader: str
    voters: Tuple[str, ...]
    failure_tolerance: int
    healthy: Dict[str, bool]


@dataclass(frozen=True)
class Found:
    """What one look has found. `error` says why an agent does not answer, and has no full stop.

    `ours`: if it is down, this collection has left it so. `rank` is the place in the queue. `held` is the hold that a
    roll has left: origin, previous, created. `size`, `available` and `needs` (what a conversion asks for) are bytes.
    `drop_in`, `log`: see Unit. `origin` is the controller that has looked.
    """

    host: str
    id: str
    up: bool = True
    down: bool = False
    error: str = ""
    name: str = ""
    address: str = ""
    version: str = ""
    running: str = ""
    role: str = "follower"
    leader: str = ""
    applied: Optional[int] = None
    last_index: Optional[int] = None
    configured: str = ""
    store: str = ""
    interrupted: bool = False
    interrupted_by: str = ""
    held: Optional[Mapping[str, Any]] = None
    hold: bool = False
    guarded: bool = False
    ours: bool = False
    obstacles: Tuple[str, ...] = ()
    peers: Tuple[Peer, ...] = ()
    data_dir: str = ""
    raft_dir: str = ""
    size: Optional[int] = None
    available: int = 0
    needs: Optional[int] = None
    acl: bool = False
    root: bool = True
    user: str = ""
    systemd: bool = True
    barred: bool = False
    drop_in: str = ""
    config_path: Tuple[str, ...] = ()
    log: Optional[Mapping[str, str]] = None
    origin: str = ""
    todo: bool = False
    rank: int = RANKS["follower"]


@dataclass(frozen=True)
class Server(Found):
    """What was found, and what was noted since: by the plan, then in the roll.

    `lacking` are rights as token_info has them, `places` results of stat for directories to write to, `settings`
    autopilot's, `times` the phases of server_backend in seconds, `old_stores` as raft_backup_remove has them.
    """

    lacking: Tuple[Mapping[str, Any], ...] = ()
    places: Tuple[Mapping[str, Any], ...] = ()
    settings: Optional[Mapping[str, Any]] = None
    view: Optional[View] = None
    view_planned: Optional[View] = None
    peers_planned: Tuple[Peer, ...] = ()
    done: bool = False
    previous: Optional[bool] = None
    snapshot: str = ""
    times: Optional[Mapping[str, float]] = None
    old_stores: Optional[Mapping[str, Any]] = None

    @property
    def starts_empty(self) -> bool:
        """As the Nomad command leaves a server, then configured for boltdb: Nomad would make a new raft.db."""
        return self.store == "wal" and not self.guarded and self.configured != "wal"


def parse(given: Mapping[str, Any]) -> Server:
    """A server from its plain values, those of `values` with or without what was noted."""
    known: Dict[str, Any] = {field.name: given[field.name] for field in fields(Server) if field.name in given}
    for name in "view", "view_planned":
        known[name] = view(known.get(name))
    for name in "peers", "peers_planned":
        known[name] = tuple(Peer(peer["id"], peer["address"], peer["voter"]) for peer in known.get(name) or ())
    for name in "obstacles", "config_path", "lacking", "places":
        known[name] = tuple(known.get(name) or ())
    return Server(**known)


def view(given: Optional[Mapping[str, Any]]) -> Optional[View]:
    """The leader's view from a module's `autopilot`, which is null where nobody has answered."""
    if not given:
        return None
    healthy = {server["id"]: server["healthy"] for server in given.get("servers") or ()}
    return View(given["leader"], tuple(given["voters"]), given.get("failure_tolerance", 0), healthy)


def values(found: Found) -> Dict[str, Any]:
    """The plain values of what was found, without what is noted later on."""
    plain = asdict(found)
    plain["peers"] = [peer._asdict() for peer in found.peers]
    for name in "obstacles", "config_path":
        plain[name] = list(plain[name])
    return plain


class Read(NamedTuple):
    """Results of one look: raft_logstore_config's, agent_info's, raft_store_info's raft_store, the unit, the user."""

    config: Mapping[str, Any]
    agent: Mapping[str, Any]
    store: Mapping[str, Any]
    unit: Unit
    uid: int = 0
    user: str = ""


def refusal(host: str, read: Read) -> str:
    """Why what was read cannot be relied on, as a sentence; "" when it can."""
    node_id, agent = read.store["node_id"], read.agent["agent"] or {}
    if node_id is None:
        return f"There is no node-id beside {read.store['raft_dir']}."
    if read.agent["answered"] and agent.get("id") != node_id:
        return (
            f"{read.agent['url']} is {agent.get('name') or 'nobody'}, another server than the one whose store is on "
            f"{host}. Check raft_logstore_host, raft_logstore_port and raft_logstore_data_dir."
        )
    return ""


def found(host: str, read: Read, options: Options) -> Found:
    """The server of one look. Only to be relied on where `refusal` has nothing to say."""
    store, agent, configured = read.store, read.agent["agent"] or {}, read.config["previous_backend"]
    role, up = _role(read), read.agent["answered"]
    on = {agent.get("backend", ""), configured, store["state"]}
    todo = not up or store["interrupted"] or on != {options.backend}
    kept: Dict[str, Any] = {name: store[name] for name in FROM_STORE}
    return Found(
        **kept,
        **_of_agent(host, agent, store["last_index"]),
        host=host,
        id=store["node_id"] or "",
        up=up,
        down=read.agent["down"],
        error=_error(read),
        role=role,
        configured=configured,
        store=store["state"],
        hold=store["held"] is not None,
        ours=_ours(read),
        obstacles=obstacles(Answers(read.config["agent"], read.agent, store["refusal"], read.unit.signal), options),
        data_dir=read.unit.data_dir,
        available=store["available_bytes"],
        needs=store["estimated_bytes"],
        acl=read.agent["status"] == 403 or agent.get("acl_enabled", False),
        root=read.uid == 0,
        user=read.user,
        systemd=read.unit.systemd,
        barred=read.unit.barred,
        drop_in=read.unit.drop_in,
        config_path=read.unit.paths,
        log=read.unit.log,
        origin=options.origin,
        todo=todo,
        rank=_rank(role, store["interrupted"], todo),
    )


def _of_agent(host: str, agent: Mapping[str, Any], last_on_disk: Optional[int]) -> Dict[str, Any]:
    """What the agent says of itself; of one that does not answer, what is known all the same."""
    raft = agent.get("raft") or {}
    return {
        "name": agent.get("name", host),
        "address": agent.get("rpc_address", ""),
        "version": agent.get("version", ""),
        "running": agent.get("backend", ""),
        "leader": agent.get("leader_address", ""),
        "applied": raft.get("applied_index"),
        "last_index": raft.get("last_log_index", last_on_disk),
        "peers": tuple(Peer(peer["id"], peer["address"], peer["voter"]) for peer in agent.get("peers", ())),
    }


def _role(read: Read) -> str:
    agent = read.agent["agent"] or {}
    if read.agent["down"]:
        return "down"
    if not read.agent["answered"]:
        return "silent"
    if agent["state"] == "Leader":
        return "leader"
    return "follower" if agent["id"] in [peer["id"] for peer in agent["peers"] if peer["voter"]] else "non-voter"


def _rank(role: str, interrupted: bool, todo: bool) -> int:
    """Down first, then what is unfinished or has nothing to do, the leader last."""
    rank = RANKS[role]
    return min(rank, UNFINISHED if interrupted or not todo else rank)


def _error(read: Read) -> str:
    error = re.sub(r"[.\s]*\Z", "", read.agent["error"] or "")
    return f"{error}. {IN_USE}" if read.agent["down"] and read.store["in_use"] else error


def _ours(read: Read) -> bool:
    """Whether a roll leaves a server like this. A guarded WAL that a process has open runs at another address."""
    store = read.store
    return bool(
        store["interrupted"]
        or store["held"] is not None
        or read.unit.barred
        or (store["guarded"] and not store["in_use"])
        or (store["state"] in ("boltdb", "wal") and store["state"] != read.config["previous_backend"])
    )
