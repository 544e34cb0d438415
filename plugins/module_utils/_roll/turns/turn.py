# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one server's turn depends on: may it come, whom to ask, what to expect, what is done in it. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from .. import cluster, copying, holds
from ..options import Options
from ..server import Server, View
from .end import End, at_end
from .gate import Gate, gate

Servers = Sequence[Server]
NOTHING: Mapping[str, Any] = MappingProxyType({})
HOLD = ".raft-hold.json"
# What is done in a turn, as files of the role: with others there, where nobody is left to ask, and without a stop.
TOGETHER, ALONE, SETTLED = "steps/one_server.yml", "steps/alone.yml", "steps/settle.yml"
NEXT = "steps/next.yml"  # after the operator's tasks, before which no other server may come


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


def interlock(servers: Servers, host: str, so_far: Answered) -> Gate:
    """A server comes alone, when all before it are done and all of the group were looked at."""
    done = [server.host for server in servers if server.done]
    earlier = so_far.order[: list(so_far.order).index(host)] if host in so_far.order else ()
    left = [name for name in earlier if name not in done]
    known = [server.host for server in servers]
    unplanned = [name for name in so_far.group if name not in known]
    if len(so_far.batch) != 1:
        return gate("This roll takes one server at a time. Set serial: 1 on the play.")
    if left:
        return gate(f"Not finished: {', '.join(left)}. No other server is touched.")
    if unplanned:
        return gate(
            f"Not looked at by this run: {', '.join(unplanned)}. Every server of the group must be asked before one is "
            "stopped, so run without --limit."
        )
    return gate("")


def stoppable(server: Server, options: Options) -> Gate:
    """Whether it may be stopped as far as it alone is concerned, or is down and was left so by this collection."""
    owners = [] if options.take_over else holds.other_owners([server], options)
    told = list(server.obstacles) or [f"{owner} has begun to convert it since the plan" for owner in owners]
    if not told and not server.up and not server.ours:
        told = [f"its agent is down: {server.error}"]
    told += [copying.LEADS] if options.copies and server.role == "leader" else []
    return gate(f"{'; '.join(told)}." if told else "")


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
    could lead and an outage is allowed. Where only a store is copied, leadership stays where it is.
    """
    view = so_far.judged
    only_voter = bool(view) and options.allow_outage and list(view.voters if view else ()) == [server.id]
    leads = view is not None and view.leader == server.id and not alone
    denied = bool(so_far.transfer.get("denied", False))
    others = [(agent["backend"] != options.backend, agent["id"]) for agent in so_far.others]
    return Leadership(
        moves=leads and not only_voter and not options.copies,
        candidates=[name for _rank, name in sorted(others, key=lambda other: other[0])],
        must_follow=not (denied or only_voter or (leads and options.check_mode)),
        failed=bool(so_far.transfer.get("failed", False)) and not denied,
        denied=denied,
    )


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

    `steps`: what is done in it, files of tasks, the operator's among them.
    `speaker` is a host that answers, `asked` the one whose API is asked about the cluster, `other` another one where
    there is one; `ids` and `hold_files` are by host. `holds`: whether autopilot is held; `hold`: what for that has to
    be known. `unfinished`: autopilot is held, by this roll or an earlier one.
    """

    interlock: Gate
    stoppable: Gate
    leadership: Leadership
    first: bool
    pauses: bool
    before: Before
    comes: bool
    steps: List[str]
    down: List[str]
    speaker: str
    asked: str
    other: str
    peers: List[str]
    hosts: List[str]
    ids: Dict[str, str]
    hold_files: Dict[str, str]
    voters: List[str]
    voters_after: List[str]
    gate_timeout: int
    looks_again: bool
    saves: bool
    saves_first: bool
    holds: bool
    hold: Dict[str, bool]
    origin: str
    unfinished: bool
    releases: bool
    hold_note: str
    end: End


def turn(servers: Servers, host: str, options: Options, so_far: Answered) -> Turn:
    """The turn of the server on this host. Where it was not looked at, only `interlock` says something."""
    server = next((one for one in servers if one.host == host), Server(host=host, id=""))
    servers = holds.with_held(servers, host, so_far.held)
    alone = cluster.outage(servers, options) and not server.up
    peers = [name for name in so_far.group if name != host]
    first = before(servers, server, options)
    comes, settles = server.todo and not first.unrehearsed, first.hears or first.stays
    return Turn(
        interlock=interlock(servers, host, so_far),
        stoppable=stoppable(server, options),
        leadership=leadership(server, alone, options, so_far),
        first=host in so_far.order[:1],
        pauses=_pauses(servers, server, options),
        before=first,
        comes=comes,
        steps=_steps(server, options, (ALONE if alone else TOGETHER) if comes else SETTLED if settles else ""),
        down=[one.host for one in cluster.down(servers)],
        speaker=[*(one.host for one in servers if one.up), host][0],
        asked=host if server.up else [*peers, host][0],
        other=[*peers, host][0],
        peers=peers,
        hosts=[one.host for one in servers],
        ids={one.host: one.id for one in servers},
        hold_files={one.host: f"{one.raft_dir}/{HOLD}" for one in servers},
        voters=cluster.voters(servers),
        voters_after=cluster.voters_with(servers, server),
        gate_timeout=0 if options.check_mode else options.gate_timeout,
        looks_again=not options.check_mode and not alone,
        saves=server.up,
        saves_first=server.up and not any(one.snapshot for one in servers),
        holds=options.hold_autopilot and not alone,
        hold=holds.arguments(servers),
        origin=options.origin,
        unfinished=bool(holds.values_before(servers)),
        releases=not options.check_mode or not cluster.down(servers),
        hold_note=holds.note(servers, so_far.released, bool(so_far.held.get("failed", False))),
        end=at_end(servers, server, options, so_far.settings),
    )


def _steps(server: Server, options: Options, own: str) -> List[str]:
    """The operator's tasks are for servers that have something to do. No other server comes before they have ended."""
    around = [options.pre_tasks_file, own, options.post_tasks_file] if server.todo else [own]
    steps = [step for step in around if step]
    return [*steps, NEXT] if steps and steps[-1] != own else steps


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
