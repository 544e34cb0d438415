# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done with a cluster whose turn has come. Pure."""

from __future__ import annotations

from typing import Any, List, Mapping

from . import states


def turn(name: str, run: Mapping[str, Any], skip_refused: bool) -> str:
    """states.ROLLING where its roll may begin now; else the state in which it is, or stays.

    After the first failure no roll begins any more, and none before the plans of all are confirmed, whatever tasks
    somebody has left out. A cluster that is in order needs none.
    """
    state = states.cluster(name, run["states"].get(name, {})).state
    if state in (states.REFUSED, states.UNREAD) and skip_refused:
        return states.LEFT_OUT
    if state != states.ROLLS:
        return state
    return states.ROLLING if run.get("confirmed") and not stopped(run) else states.NOT_BEGUN


def lost_canaries(run: Mapping[str, Any]) -> List[str]:
    """The first wave, where all of it would be left out: then the second one would be the first that is ever rolled."""
    first = run["waves"][0] if run["waves"] else []
    left_out = [one.name for one in states.clusters(run) if one.state in (states.REFUSED, states.UNREAD)]
    return list(first) if set(first) <= set(left_out) else []


def stopped(run: Mapping[str, Any]) -> List[str]:
    """The clusters whose rolls have failed in this run."""
    return [one.name for one in states.clusters(run) if one.state == states.FAILED]


def under_way(run: Mapping[str, Any]) -> List[str]:
    """The clusters whose rolls have begun in this run and not ended."""
    return [one.name for one in states.clusters(run) if one.state == states.ROLLING]


def pause_ends(name: str, run: Mapping[str, Any], pause_s: float) -> float:
    """When the wave of this cluster may begin, seconds since 1970; 0 for at once.

    That is `pause_s` after the end of the last roll of the waves before it. Without such a roll there is no pause.
    """
    before = run["waves"][: states.wave_of(name, run["waves"]) - 1]
    known = {one.name: one for one in states.clusters(run)}
    ends = [known[other].ended for wave in before for other in wave if known[other].state == states.ROLLED]
    return max(ends) + pause_s if ends and pause_s else 0
