# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of one width: each screen with the command that gave it, and what to read in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from screens.normal import Normal, broken, in_order
from screens.place import INVENTORY
from screens.story import Screen

LOG = "The last lines of its log:"
SERVER, END = "PLAY [Roll through the servers]", "PLAY [Prove the end state]"
TAIL = 60
WORTH_IT = 8
FOLDED = re.compile(r"\[\.\.\. (\d+) lines")
HEAD = """<!-- Copyright (c) raftops.nomad contributors -->
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
# What you see, at {columns} columns

Written by `make screens` (tests/screens): a real terminal of {columns} columns, Ansible as it is installed, and three
servers. Clock times, seconds, counts and identifiers are replaced by made-up ones of the same length. {other}
The inventory:

```ini
{inventory}```
"""


def page(screens: Sequence[Screen], columns: int, other: str) -> str:
    """The text of the page. `other`: a sentence that leads to the other width."""
    normal = Normal()
    head = HEAD.format(columns=columns, other=other, inventory=INVENTORY)
    return "\n".join([head, *(part(screen, columns, normal) for screen in screens)])


def part(screen: Screen, columns: int, normal: Normal) -> str:
    """One screen. What another screen has shown already is counted, not repeated."""
    lines = [normal.line(line) for line in in_order(screen.lines)]
    above, rows = broken(lines[: screen.above], columns), broken(lines[screen.above :], columns)
    count = len(above) + len(rows)
    shown = folded(rows, screen.head)
    if above:
        shown.insert(0, f"[... {len(above)} lines, as above]")
    end = f"Exit code {screen.code}." if screen.code is not None else "It waits for the answer."
    command = broken([f"$ {screen.command}"], columns)
    told = f"{screen.about} {count} lines. {end}"
    return "\n".join([f"## {screen.title}", "", told, "", "```text", *command, *shown, "```", ""])


def folded(rows: Sequence[str], head: int) -> list[str]:
    """Without what only machines read, a server's log, the servers after the first one, and the middle of the rest."""
    rows = list(rows)
    for failed in [number for number, row in enumerate(rows) if row.startswith("fatal: ")][::-1]:
        rows = without(rows, failed + 2, rows.index("", failed), "of its result")
    for log in [number for number, row in enumerate(rows) if LOG in row][::-1]:
        end = next(number for number, row in enumerate(rows) if number > log and row.startswith(("[ERROR]", "fatal: ")))
        rows = without(rows, log + 1, end, "of its log")
    turns = [number for number, row in enumerate(rows) if row.startswith(SERVER)]
    ends = [number for number, row in enumerate(rows) if row.startswith(END)]
    if len(turns) > 1 and ends:
        rows = without(rows, turns[1], ends[0], "of the other servers")
    return without(rows, head, len(rows) - TAIL)


def without(rows: list[str], first: int, end: int, what: str = "") -> list[str]:
    """The rows, but for those from `first` on up to `end`, if they are many. All of what is folded counts."""
    if end - first < WORTH_IT:
        return rows
    counts = [int(found[1]) if (found := FOLDED.match(row)) else 1 for row in rows[first:end]]
    return [*rows[:first], f"[... {sum(counts)} lines {what}".rstrip() + "]", *rows[end:]]
