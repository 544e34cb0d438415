# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commit costs before and after a roll, as a figure and as a table. Pure.

A roll moves leadership. So a metric that only the leader has is of one server before and of another after: what is
compared is the role, not the host. Of a metric that several servers have, such as the followers', it is their mean.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from . import text
from .text import Content, Html, join

Record = Mapping[str, Any]
_MEANT = (
    "Each metric is compared over the servers that have it: the leader before with the leader after, "
    "the mean of the followers before with that of the followers after."
)


class Look(NamedTuple):
    """One metric at one moment: the servers that have it, and the mean of their milliseconds."""

    hosts: Sequence[str]
    mean: float


def figure(record: Record) -> List[Tuple[str, str]]:
    """The one metric that says what a commit costs, where it was read before and after; the table has the others."""
    names = sorted(_metrics(record), key=lambda name: not name.endswith("commitTime"))
    for name in names:
        looks = _looks(record, name)
        if len(looks) == len(_WHEN):
            told = f"{looks['before'].mean:.2f} \u2192 {looks['after'].mean:.2f} ms"
            return [(told, name.replace(".", ".\u200b"))]  # where it may break
    return []


def table(record: Record) -> Html:
    """One row for each metric: on which servers it was read before and after, and how many milliseconds it was."""
    rows: List[Sequence[Content]] = []
    for name in _metrics(record):
        looks = _looks(record, name)
        told = [f"{looks[when].mean:.2f} ms" if when in looks else "-" for when in _WHEN]
        hosts = [_named(looks[when].hosts) if when in looks else "-" for when in _WHEN]
        rows.append([name, hosts[0], told[0], hosts[1], told[1]])
    titles = ["metric", "read on, before", "before", "read on, after", "after"]
    if not rows:
        return Html("")
    return join([text.table(titles, rows, (2, 4)), text.element("p", _MEANT, class_="quiet")])


_WHEN = ("before", "after")
_NAMED = 3


def _metrics(record: Record) -> List[str]:
    """The names of the metrics that were read before or after, in alphabetical order."""
    looks = [look for look in record["latency"].values() if look]
    return sorted({metric for look in looks for of_one in look.values() for metric in of_one})


def _looks(record: Record, name: str) -> Dict[str, Look]:
    """The metric before and after, each only where a server had it."""
    found = {}
    for when in _WHEN:
        values = {host: one[name] for host, one in (record["latency"][when] or {}).items() if name in one}
        if values:
            found[when] = Look(sorted(values), sum(values.values()) / len(values))
    return found


def _named(hosts: Sequence[str]) -> str:
    return ", ".join(hosts) if len(hosts) <= _NAMED else f"{len(hosts)} servers, mean"
