# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section of docs/benchmarks.md about whole rolls, from the results of roll.py."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from support.rolls.figures import Figures

TITLE = "\n## A roll of three servers\n"
TEXT = """
Written by `make bench-roll`. Median of {runs} for each row, there and back, with the role's defaults and writes all the
time; in brackets the most. Over 150 ms all of ssh takes that much for its round trip; without pipelining is how sudo's
`requiretty` has it. *Out* is one server's time out of the cluster on its own clock, *seen* the same seen from outside,
*beyond* from its stop to its start without the conversion, *gap* the longest between two acknowledged writes. The goals
for loopback: 55 s, 90 tasks, 0.5 s beyond, a gap of 0.3 s; *out* is to be within 0.2 s of it over any link.
Machine: {machine}. Date: {date}.

| | roll, s | tasks | out, s | seen, s | beyond, s | gap, s |
|---|---|---|---|---|---|---|
"""


def section(lines: list[dict[str, Any]]) -> str:
    """The section's text."""
    groups: dict[str, list[Figures]] = {}
    for line in lines:
        one = Figures(**{name: line[name] for name in Figures._fields})
        groups.setdefault(f"{line['agent']}, {line['link']}", []).append(one)
    counts = sorted({len(group) for group in groups.values()})
    runs = f"{counts[0]} to {counts[-1]} rolls" if len(counts) > 1 else f"{counts[0]} rolls"
    rows = []
    for name, group in groups.items():
        cells = [
            _cell([one.seconds for one in group], ".0f"),
            _cell([one.tasks for one in group], ".0f"),
            _cell([seconds for one in group for seconds in one.out()]),
            _cell([seconds for one in group for seconds in one.seen.values()]),
            _cell([seconds for one in group for seconds in one.beyond()]),
            _cell([one.gap for one in group]),
        ]
        rows.append(f"| {' | '.join([name, *cells])} |\n")
    head = TEXT.format(runs=runs, machine=lines[-1]["machine"], date=lines[-1]["date"])
    return TITLE + head + "".join(rows)


def _cell(numbers: list[float], form: str = ".2f") -> str:
    return f"{median(numbers):{form}} ({max(numbers):{form}})"


def write(lines: list[dict[str, Any]], page: Path) -> None:
    """Put the section at the page's end, instead of the one that is there."""
    page.write_text(page.read_text().partition(TITLE)[0] + section(lines))


def kept(page: Path) -> str:
    """The section that a page has, for who writes the rest of it anew; "" if there is none."""
    _before, title, after = (page.read_text() if page.exists() else "").partition(TITLE)
    return title + after
