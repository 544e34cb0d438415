# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server: as it was found on its disk and by its API, and what was noted about it since. Pure.

Between two tasks a server is a plain dict, what a step returns: `values` makes it, `parse` reads it. It has
no token in it.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from .host import leftovers, rehearsal
from .obstacles import Answers, obstacles, seems_to_run
from .options import Options, impossible

RANKS = {"down": 0, "silent": 0, "non-voter": 2, "follower": 3, "leader": 4}
UNFINISHED = 1
TUPLES = ("obstacles", "notes", "config_path", "lacking", "unwritable", "snapshots")
FROM_STORE = ("interrupted", "interrupted_by", "guarded", "raft_dir", "size")


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
    `barred`: a run that was ended between stop and start has left a drop-in, which keeps systemd from starting it.
    `obstacles`: why it must not be stopped; `notes`: what to know before. `lacking` are rights of the token as
    token_info has them, `unwritable` directories of files that have to be changed. `at_work`: a run that may have lost
    its controller is still at it; `untold`: one has ended unheard; `transaction` says so. `snapshots` are files that
    rolls have left: path, size in bytes, created. `origin` is who has looked.
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
    notes: Tuple[str, ...] = ()
    peers: Tuple[Peer, ...] = ()
    data_dir: str = ""
    raft_dir: str = ""
    size: Optional[int] = None
    available: int = 0
    needs: Optional[int] = None
    root: bool = True
    user: str = ""
    systemd: bool = True
    barred: bool = False
    at_work: bool = False
    untold: bool = False
    transaction: str = ""
    snapshots: Tuple[Mapping[str, Any], ...] = ()
    config_path: Tuple[str, ...] = ()
    lacking: Tuple[Mapping[str, Any], ...] = ()
    unwritable: Tuple[str, ...] = ()
    view: Optional[View] = None
    origin: str = ""
    todo: bool = False
    rank: int = RANKS["follower"]


@dataclass(frozen=True)
class Server(Found):
    """What was found, and what was noted since: by the plan, then in the roll.

    `settings` are autopilot's, from the plan; `snapshot` (the leader's) and `own_snapshot` are files on its host. Of
    server_backend: `times` its phases in seconds, `began_at`, `converted`. `old_stores` as raft_backup_remove has them.
    """

    settings: Optional[Mapping[str, Any]] = None
    view_planned: Optional[View] = None
    peers_planned: Tuple[Peer, ...] = ()
    done: bool = False
    previous: Optional[bool] = None
    snapshot: str = ""
    own_snapshot: str = ""
    times: Optional[Mapping[str, float]] = None
    began_at: Optional[float] = None
    converted: Optional[Mapping[str, Any]] = None
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
    for name in TUPLES:
        known[name] = tuple(known.get(name) or ())
    return Server(**known)


def view(given: Optional[Mapping[str, Any]]) -> Optional[View]:
    """The leader's view from a module's `autopilot`, which is null where nobody has answered."""
    if not given:
        return None
    healthy = {server["id"]: server["healthy"] for server in given.get("servers") or ()}
    return View(given["leader"], tuple(given["voters"]), given.get("failure_tolerance", 0), healthy)


def _plain_view(seen: View) -> Dict[str, Any]:
    servers = [{"id": name, "healthy": healthy} for name, healthy in seen.healthy.items()]
    return {
        "leader": seen.leader,
        "voters": list(seen.voters),
        "failure_tolerance": seen.failure_tolerance,
        "servers": servers,
    }


def values(found: Found) -> Dict[str, Any]:
    """The plain values of what was found, without what is noted later on."""
    plain = asdict(found)
    plain["peers"] = [peer._asdict() for peer in found.peers]
    plain["view"] = _plain_view(found.view) if found.view else None
    for name in TUPLES:
        plain[name] = list(plain[name])
    return plain


def refusal(host: str, look: Mapping[str, Any], options: Options) -> str:
    """Why this look, server_info's, cannot be relied on, or no roll can end well; "" when it can."""
    told = impossible(options) or _unknown_configuration(host, look, options)
    if told or look["errors"].get("configuration") or not look["store"]:
        return told or str(look["errors"].get("configuration") or look["errors"]["store"])
    node_id, agent = look["store"]["node_id"], look["agent"]["self"] or {}
    if node_id is None:
        return f"There is no node-id beside {look['store']['raft_dir']}."
    if look["agent"]["answered"] and agent.get("id") != node_id:
        return (
            f"{look['agent']['url']} is {agent.get('name') or 'nobody'}, another server than the one whose store is on "
            f"{host}. Check raft_logstore_host, raft_logstore_port and raft_logstore_data_dir."
        )
    return ""


def _unknown_configuration(host: str, look: Mapping[str, Any], options: Options) -> str:
    """It must be known while the agent is stopped, too: what its process says now does not count."""
    unit, hint = look["unit"], "Set raft_logstore_config_path to the agent's -config arguments."
    if options.config_path:
        return ""
    if not unit["config_paths"]:
        return f"Only its running agent knows where the configuration of {host} is, and it will be stopped. {hint}"
    if not unit["literal"]:
        named = " ".join(unit["config_paths"])
        return f"Its unit names the configuration of {host} in a way that only systemd reads: {named}. {hint}"
    return ""


def found(host: str, look: Mapping[str, Any], options: Options) -> Found:
    """The server of one look, server_info's. Only to be relied on where `refusal` has nothing to say."""
    store, agent, configured = look["store"], look["agent"], look["configuration"]
    at_work, backend = leftovers.transaction(look)["at_work"], configured["previous_backend"]
    on = {(agent["self"] or {}).get("backend", ""), backend, store["state"]}
    todo = not agent["answered"] or store["interrupted"] or at_work or on != {options.backend}
    todo = host == options.copies if options.copies else todo
    return Found(
        **{name: store[name] for name in FROM_STORE},
        **_of_agent(host, agent["self"] or {}, store["last_index"]),
        **leftovers.left(look),
        host=host,
        id=store["node_id"] or "",
        up=agent["answered"],
        down=agent["down"],
        error=_error(look),
        role=agent["role"],
        configured=backend,
        store=store["state"],
        ours=leftovers.ours(look),
        obstacles=obstacles(_answers(look), options),
        notes=rehearsal.warnings(look["rehearsal"]),
        data_dir=look["data_dir"],
        available=store["available_bytes"],
        needs=store["estimated_bytes"],
        root=look["user_id"] == 0,
        user=look["user"],
        systemd=look["unit"]["manager"] == "systemd",
        config_path=tuple(configured["paths"]),
        lacking=tuple(look["token"]["lacking"]),
        unwritable=tuple(configured["unwritable"]),
        view=view(look["autopilot"]),
        origin=options.origin,
        todo=todo,
        rank=_rank(agent["role"], store["interrupted"] or at_work, todo),
    )


def _answers(look: Mapping[str, Any]) -> Answers:
    """What the rules on obstacles look at."""
    config, refused = look["configuration"]["agent"], look["prospect"]["refusal"]
    signal, unasked = str(look["unit"]["signal"] or ""), look["errors"].get("token", "")
    at_work, rehearsed = leftovers.transaction(look)["at_work"], rehearsal.refusals(look["rehearsal"])
    return Answers(config, look["agent"], refused, signal, unasked, at_work, rehearsed)


def planned(look: Mapping[str, Any]) -> Dict[str, Any]:
    """What of this look is noted for the whole roll: who leads and votes, autopilot's settings."""
    peers = (look["agent"]["self"] or {}).get("peers", [])
    return {"view_planned": look["autopilot"], "peers_planned": peers, "settings": look["autopilot_config"]}


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


def _rank(role: str, interrupted: bool, todo: bool) -> int:
    """Down first, then what is unfinished or has nothing to do, the leader last."""
    rank = RANKS[role]
    return min(rank, UNFINISHED if interrupted or not todo else rank)


def _error(look: Mapping[str, Any]) -> str:
    error = re.sub(r"[.\s]*\Z", "", look["agent"]["error"] or "")
    if not (look["agent"]["down"] and look["store"]["in_use"]):
        return error
    return f"{error}. {seems_to_run(look['api'], look['configuration']['agent'])}"
