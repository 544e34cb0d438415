# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plans of all clusters as lines of text, and the question below them. Pure."""

from __future__ import annotations

import textwrap
from typing import List, Mapping, Sequence

from .._text.lines import WIDTH, table
from .._text.sizes import counted
from . import states
from .moments import clock
from .states import Cluster

NAME_WIDTH = 30
TOLD = states.BAD | {states.ASSESSED, states.ROLLING}
DONE = {"migrate": "WAL", "rollback": "BoltDB"}


def short(name: str, width: int = NAME_WIDTH) -> str:
    """The name, its middle left out where it is too long."""
    half = (width - 2) // 2
    return name if len(name) <= width else f"{name[:half]}..{name[-(width - 2 - half) :]}"


def plans(found: Sequence[Cluster], waves: Sequence[Sequence[str]]) -> List[str]:
    """One line for each cluster, in at most WIDTH columns, and a paragraph for each that cannot be rolled."""
    rows: List[List[object]] = [["wave", "cluster", "servers", "now", "plan"]]
    for one in found:
        plan = f"{one.state}: {one.line}" if one.state == states.ROLLS and one.line else one.state
        place = states.wave_of(one.name, waves) or "-"
        rows.append([place, short(one.name), one.servers or "-", one.backend or "-", plan])
    if not waves:
        rows = [["cluster", "servers", "now", "state"], *(row[1:] for row in rows[1:])]
    return [line[:WIDTH].rstrip() for line in table(rows)] + complaints(found)


def complaints(found: Sequence[Cluster]) -> List[str]:
    """A paragraph for each cluster of which there is something to say, the worst first."""
    told = [one for one in found if one.state in TOLD]
    told.sort(key=lambda one: states.WORST_FIRST.index(one.state))
    lines: List[str] = []
    for one in told:
        lines += paragraph(f"{one.name}: {one.state}. {one.line}")
        lines += [f"  {one.log}"] if one.state == states.ROLLING and one.log else []
    return lines


def at_work(began: float, latest: str) -> str:
    """What is said of a roll that is under way: since when, and what its output said last."""
    return f"Since {clock(began)}." + (f" Its output says last: {latest}" if latest else "")


def paragraph(text: str) -> List[str]:
    """The text in lines of at most WIDTH columns; the first one stands out."""
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def numbers(found: Sequence[Cluster]) -> str:
    """How many clusters are in which state, as a sentence."""
    told = ", ".join(f"{number} {state}" for state, number in states.count(found).items())
    return f"{counted(len(found), 'cluster')}: {told}."


def question(do: str, found: Sequence[Cluster], waves: Sequence[Sequence[str]], how: Mapping[str, int]) -> List[str]:
    """What is shown before the one question. `how` has at_once, forks and pause_s, 0 for none."""
    rolls = sum(1 for one in found if one.state == states.ROLLS)
    at_once = min([number for number in (how["at_once"], how["forks"]) if number])
    pause = f", {how['pause_s']} seconds between waves" if how["pause_s"] else ""
    opening = (
        f"The Raft log stores of {counted(rolls, 'Nomad cluster')} will be moved to {DONE[do]}, in "
        f"{counted(len(waves), 'wave')}, at most {at_once} at once{pause}."
    )
    end = "The first failure ends it, as Ctrl-C does: what is under way finishes, nothing else begins."
    return [*paragraph(opening), *plans(found, waves), numbers(found), *paragraph(end)]
