# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster of a fleet can be in, and what is known of it. Pure.

The words are those that an operator reads, on the screen, in the records and on the page.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Sequence

# What a plan has found.
ROLLS = "to roll"
IN_ORDER = "in order"
REFUSED = "refused"
UNREAD = "no plan"
ASSESSED = "assessed"
# What a roll has come to.
ROLLING = "rolling"
ROLLED = "rolled"
FAILED = "failed"
UNKNOWN = "unknown"  # it has ended, and left no word of how
# What status has found.
WELL = "well"
ILL = "look at it"
SILENT = "no answer"
# The run has stopped before, or the operator wants it left out.
NOT_BEGUN = "not begun"
LEFT_OUT = "left out"

CHANGING = ("migrate", "rollback")  # of what a run may do; all else only shows

WORST_FIRST = (
    FAILED, UNKNOWN, UNREAD, SILENT, REFUSED, ILL, LEFT_OUT, ROLLING, NOT_BEGUN, ROLLS, ASSESSED, ROLLED, IN_ORDER,
    WELL,
)  # fmt: skip
BAD = frozenset((FAILED, UNKNOWN, UNREAD, SILENT, REFUSED, ILL))


class Cluster(NamedTuple):
    """One cluster in one run. `line`: a sentence about it. Times are seconds since 1970, 0 for none."""

    name: str
    state: str
    line: str = ""
    servers: int = 0  # how many there are
    backend: str = ""  # what they run on, "boltdb, wal" for some of each
    began: float = 0
    ended: float = 0
    log: str = ""  # path of the output of its last child
    report: str = ""  # where the page of its roll is, from the page of all


def clusters(run: Mapping[str, Any]) -> List[Cluster]:
    """All clusters of a run, in their order, from its record."""
    return [cluster(name, run["states"].get(name, {})) for name in run["clusters"]]


def cluster(name: str, known: Mapping[str, Any]) -> Cluster:
    """One of them, from what the record has of it. Raises TypeError or ValueError for what no run writes."""
    return Cluster(
        name,
        str(known.get("state", NOT_BEGUN)),
        str(known.get("line", "")),
        int(known.get("servers", 0)),
        str(known.get("backend", "")),
        float(known.get("began", 0)),
        float(known.get("ended", 0)),
        str(known.get("log", "")),
        str(known.get("report", "")),
    )


def wave_of(name: str, waves: Sequence[Sequence[str]]) -> int:
    """The number of a cluster's wave, from 1; 0 for none."""
    return next((number for number, names in enumerate(waves, 1) if name in names), 0)


def count(found: Sequence[Cluster]) -> Dict[str, int]:
    """How many clusters are in each state, the worst first; states that none is in are left out."""
    told = {state: sum(1 for one in found if one.state == state) for state in WORST_FIRST}
    return {state: number for state, number in told.items() if number}
