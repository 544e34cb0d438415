# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one server's turn depends on: may it come, whom to ask, what to expect, what is left at the end. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from .._agent.cluster.peers import difference
from . import closing, cluster, holds
from .options import Options
from .server import Server, View

Servers = Sequence[Server]
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Answered(NamedTuple):
    """What a run has asked and was told so far.

    `group`, `batch` and `order` are hosts: of the inventory's group, of the play at this moment, of the whole play.
    `judged` is the leader's view before the stop, `others` what the other servers said of themselves, `transfer` the
    result of raft_transfer_leadership. `held`: the result of the hold; `released`: it is put back after a failure;
    `settings`: autopilot's after the release.
    """

    group: Sequence[str] = ()
    batch: Sequence[str] = ()
    order: Sequence[str] = ()
    judged: Optional[View] = None
    others: Sequence[Mapping[str, Any]] = ()
    transfer: Mapping[str, Any] = NOTHING
    held: Mapping[str, Any] = NOTHING
    released: bool = False
    settings: Optional[Mapping[str, Any]] = None


class Gate(NamedTuple):
    """Whether something may not go on, and why in a sentence."""

    refused: bool
    refusal: str


def interlock(servers: Servers, host: str, so_far: Answered) -> Gate:
    """A server comes alone, when all before it are done and all of the group were looked at."""
    done = [server.host for server in servers if server.done]
    earlier = so_far.order[: list(so_far.order).index(host)] if host in so_far.order else ()
    left = [name for name in earlier if name not in done]
    known = [server.host for server in servers]
    unplanned = [name for name in so_far.group if name not in known]
    if len(so_far.batch) != 1:
        return _gate("This roll takes one server at a time. Set serial: 1 on the play.")
    if left:
        return _gate(f"Not finished: {', '.join(left)}. No other server is touched.")
    if unplanned:
        return _gate(
            f"Not looked at by this run: {', '.join(unplanned)}. Every server of the group must be asked before one is "
            "stopped, so run without --limit."
        )
    return _gate("")


def stoppable(server: Server, options: Options) -> Gate:
    """Whether it may be stopped as far as it alone is concerned, or is down and was left so by this collection."""
    owners = [] if options.take_over else holds.other_owners([server], options)
    told = list(server.obstacles) or [f"{owner} has begun to convert it since the plan" for owner in owners]
    if not told and not server.up and not server.ours:
        told = [f"its agent is down: {server.error}"]
    return _gate(f"{'; '.join(told)}." if told else "")


def on_backend(server: Server, options: Options) -> Gate:
    """Whether the server is on the backend, and would start on it again. One that comes later: on the other."""
    waits = bool(options.stop_after) and not server.done and server.up and is_settled(server)
    if not server.todo or waits:
        return _gate("")
    return _gate(
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
        return _gate(
            f"{server.host} has another Raft configuration than its leader: {other}. It may lose what the others have "
            "acknowledged. Nothing is removed from any server until this is in order."
        )
    if server.up and is_settled(server) and not server.hold:
        return _gate("")
    state = [server.store]
    state += ["a conversion is unfinished"] if server.interrupted else []
    state += ["and a roll has left its hold there"] if server.hold else []
    return _gate(
        f"{server.host} runs on {server.running or 'nothing'}, is configured for {server.configured} and has a store "
        f"in state {', '.join(filter(None, state))}. Nothing is removed from any server until this is in order. Run "
        "the roll to its end first."
    )


def _gate(refusal: str) -> Gate:
    return Gate(bool(refusal), refusal)


class Leadership(NamedTuple):
    """Whether leadership must be moved away before the stop, to whom, and whether it must have gone just before it."""

    moves: bool
    candidates: List[str]
    must_follow: bool
    failed: bool
    denied: bool


def leadership(server: Server, alone: bool, options: Options, so_far: Answered) -> Leadership:
    """Candidates: those that are on the new backend already come first.

    Only a token that may not move leadership lets the leader be stopped without that (`denied`), or that nobody else
    could lead and an outage is allowed.
    """
    view = so_far.judged
    only_voter = bool(view) and options.allow_outage and list(view.voters if view else ()) == [server.id]
    leads = view is not None and view.leader == server.id and not alone
    denied = bool(so_far.transfer.get("denied", False))
    others = [(agent["backend"] != options.backend, agent["id"]) for agent in so_far.others]
    return Leadership(
        moves=leads and not only_voter,
        candidates=[name for _rank, name in sorted(others, key=lambda other: other[0])],
        must_follow=not (denied or only_voter or (leads and options.check_mode)),
        failed=bool(so_far.transfer.get("failed", False)) and not denied,
        denied=denied,
    )


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


def at_end(servers: Servers, server: Server, options: Options, so_far: Answered) -> End:
    """What there is to say at the end about this server, and about all."""
    forgotten = holds.forgotten(servers, so_far.settings)
    old = [one.host for one in servers if one.old_stores and _goes(one.old_stores)]
    return End(
        ill=_gate(closing.verdict(servers, options) if options.status_strict and closing.ill(servers) else ""),
        on_backend=on_backend(server, options),
        tidy=tidy(servers, server),
        forgets=bool(forgotten),
        forgotten=forgotten,
        has_old=bool(old),
        old=old,
    )


def _goes(old: Mapping[str, Any]) -> bool:
    return bool(old["removed"] or old.get("removed_snapshots"))


class Before(NamedTuple):
    """What only some turns have before the stop.

    `pre_tasks` are the operator's own. `hears`: a run has ended there of which nobody knows. `stays`: the server has
    nothing left to do, but must be back before others are stopped. `unrehearsed`: that can only be asked later.
    """

    pre_tasks: bool
    hears: bool
    stays: bool
    unrehearsed: bool


def before(servers: Servers, server: Server, options: Options) -> Before:
    """What this server's turn has before the stop, if there is one."""
    return Before(
        pre_tasks=server.todo and bool(options.pre_tasks_file),
        hears=server.untold and not server.todo and not options.check_mode,
        stays=not server.todo and bool(cluster.busy(servers)) and not options.check_mode,
        unrehearsed=options.check_mode and server.up and server.todo and bool(cluster.down(servers)),
    )


class Turn(NamedTuple):
    """All that one server's turn depends on; hosts by name, servers by id.

    `accompanied`: there is somebody to ask; else this server itself is the reason why there is nobody. `asked` is the
    host whose API is asked about the cluster, `other` another one where there is one. `prepares`: whether there is
    anything in `before`. `holds`: whether autopilot is held; `hold`: what for that has to be known. `unfinished`:
    autopilot is held, by this roll or an earlier one.
    """

    interlock: Gate
    stoppable: Gate
    leadership: Leadership
    first: bool
    pauses: bool
    prepares: bool
    before: Before
    comes: bool
    down: List[str]
    accompanied: bool
    asked: str
    other: str
    peers: List[str]
    hosts: List[str]
    voters: List[str]
    voters_after: List[str]
    gate_timeout: int
    looks_again: bool
    saves: bool
    saves_first: bool
    holds: bool
    hold: Dict[str, bool]
    unfinished: bool
    releases: bool
    hold_note: str
    end: End


def turn(servers: Servers, host: str, options: Options, so_far: Answered) -> Turn:
    """The turn of the server on this host. Where it was not looked at, only `interlock` says something."""
    server = next((one for one in servers if one.host == host), Server(host=host, id=""))
    servers = holds.with_held(servers, host, so_far.held)
    lost = [one.host for one in cluster.down(servers)]
    alone = cluster.outage(servers, options) and not server.up
    peers = [name for name in so_far.group if name != host]
    first = before(servers, server, options)
    return Turn(
        interlock=interlock(servers, host, so_far),
        stoppable=stoppable(server, options),
        leadership=leadership(server, alone, options, so_far),
        first=host in so_far.order[:1],
        pauses=_pauses(servers, server, options),
        prepares=any(first),
        before=first,
        comes=server.todo and not first.unrehearsed,
        down=lost,
        accompanied=not alone,
        asked=host if server.up else [*peers, host][0],
        other=[*peers, host][0],
        peers=peers,
        hosts=[one.host for one in servers],
        voters=cluster.voters(servers),
        voters_after=cluster.voters_with(servers, server),
        gate_timeout=0 if options.check_mode else options.gate_timeout,
        looks_again=not options.check_mode and not alone,
        saves=server.up,
        saves_first=server.up and not any(one.snapshot for one in servers),
        holds=options.hold_autopilot and not alone,
        hold=holds.arguments(servers),
        unfinished=bool(holds.values_before(servers)),
        releases=not options.check_mode or not lost,
        hold_note=holds.note(servers, so_far.released, bool(so_far.held.get("failed", False))),
        end=at_end(servers, server, options, so_far),
    )


def _pauses(servers: Servers, server: Server, options: Options) -> bool:
    """Between two servers that were or will be out."""
    return options.pause_between > 0 and not options.check_mode and server.todo and any(one.times for one in servers)


def answers(given: Mapping[str, Any], view: Optional[View]) -> Answered:
    """From plain values. `others` and `settings` are results of loops; each may have failed or been skipped."""
    known: Dict[str, Any] = {name: given[name] for name in Answered._fields if name in given}
    said = [(one.get("observation") or {}).get("agent") for one in given.get("others") or ()]
    found = [one["config"] for one in given.get("settings") or () if one.get("config")]
    known.update(judged=view, others=[agent for agent in said if agent], settings=found[-1] if found else None)
    return Answered(**known)
