# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Autopilot's removal of dead servers: what is to be put back, who else holds, what is said about it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .cluster import unique
from .options import Options
from .server import Server

SETTING = "cleanup_dead_servers"
NOT_COMPARED = (SETTING, "modify_index")
LEFT = (
    "Autopilot's removal of dead servers is off, and stays off until a run ends well: see .raft-hold.json in the Raft "
    "directory."
)
PERHAPS_LEFT = "Autopilot's removal of dead servers may be off: a run that ends well sees to it."


def left(servers: Sequence[Server]) -> List[Mapping[str, Any]]:
    """The holds that runs have left on the disks, the oldest first."""
    return sorted((server.held for server in servers if server.held), key=lambda hold: str(hold["created"]))


def values_before(servers: Sequence[Server]) -> List[bool]:
    """The values from before each hold, of earlier runs and of this one; the first is the one to put back."""
    noted = [server.previous for server in servers if server.previous is not None]
    return [*(bool(hold["previous"]) for hold in left(servers)), *noted]


def with_held(servers: Sequence[Server], host: str, held: Mapping[str, Any]) -> Sequence[Server]:
    """The servers with the hold that this turn has asked for, of which nothing is noted before its end."""
    previous = held.get("previous")
    if previous is None:
        return servers
    return [replace(one, previous=bool(previous)) if one.host == host else one for one in servers]


def settings_planned(servers: Sequence[Server]) -> Mapping[str, Any]:
    """Autopilot's settings as the plan has seen them; empty where nobody could say."""
    return next((server.settings for server in servers if server.settings), {})


def arguments(servers: Sequence[Server]) -> Dict[str, bool]:
    """What a hold has to know: the value to put back, and the one that must be in force; each only if it is known.

    The plan's value must be in force at the first hold of this run, also where an earlier run has left a file: that run
    may have been killed before it changed the setting, and another controller may have begun since.
    """
    known: Dict[str, bool] = {}
    before, planned = values_before(servers), settings_planned(servers)
    if before:
        known["previous"] = before[0]
    if SETTING in planned and all(server.previous is None for server in servers):
        known["expected"] = planned[SETTING]
    return known


def other_owners(servers: Sequence[Server], options: Options) -> List[str]:
    """Other controllers that hold or convert one of these servers."""
    found = [str(hold["origin"]) for hold in left(servers)] + [server.interrupted_by for server in servers]
    return unique(owner for owner in found if owner and owner != options.origin)


def elsewhere(servers: Sequence[Server], owners: Sequence[str]) -> str:
    """What there is to say of other controllers that hold the cluster: since when, whether they live, what to do."""
    since = [str(hold["created"]) for hold in left(servers) if hold["origin"] in owners]
    one = len(owners) == 1
    verb = ("has held" if one else "have held") if since else ("holds" if one else "hold")
    told = f"{' and '.join(owners)} {verb} this cluster for a roll{f' since {since[0]}' if since else ''}"
    busy = [server.host for server in servers if server.at_work]
    if busy:
        return f"{told}, and a run is at work on {', '.join(busy)} now. Let it finish, then run this again."
    name = f"; if it was this controller under another name, set raft_logstore_origin to {owners[0]}"
    return (
        f"{told}, but nothing is at work on a server now. Let it finish there. If it is dead, take over with "
        f"raft_logstore_take_over{name if one else ''}."
    )


def note(servers: Sequence[Server], released: bool, failed: bool) -> str:
    """For the message of a failure: what is left in force, for the next run to put back. `failed`: the hold has."""
    if released:
        return ""
    if values_before(servers):
        return LEFT
    return PERHAPS_LEFT if failed else ""


def forgotten(servers: Sequence[Server], now: Optional[Mapping[str, Any]]) -> str:
    """A warning of settings that are not as the plan has seen them, "" when there is none. `now`: None if not asked.

    Nomad keeps them in no snapshot, so a server that was started from one does not know them when it becomes the
    leader, and takes those of its configuration.
    """
    if now is None:
        return ""
    changed: List[Tuple[str, Any]] = [
        (name, value)
        for name, value in settings_planned(servers).items()
        if name not in NOT_COMPARED and now.get(name) != value
    ]
    if not changed:
        return ""
    was = ", ".join(f"{name} was {value}" for name, value in changed)
    arguments = " ".join(f"-{name.replace('_', '-')}={value}" for name, value in changed)
    return (
        f"Warning: autopilot has other settings than before: {was}. Nomad's snapshots do not contain them, so a new "
        "leader takes those of its configuration. Unless somebody meant to change them, set them again: nomad operator "
        f"autopilot set-config {arguments}"
    )
