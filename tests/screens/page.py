# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of one width: each screen with the command that gave it, and what to read in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from screens.normal import Normal, broken
from screens.place import INVENTORY
from screens.story import Screen

SHOWN = 110
HEAD = """<!-- Copyright (c) raftops.nomad contributors -->
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
# What you see, at {columns} columns

Written by `make screens` (tests/screens): a real terminal of {columns} columns, Ansible as it is installed, and three
servers. Clock times, seconds and identifiers are replaced by made-up ones of the same length. {other}
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
    rows = broken([f"$ {screen.command}", *map(normal.line, screen.lines)], columns)
    above = len(broken(screen.lines[: screen.above], columns))
    shown = [rows[0], *([f"[... {above} lines, as above]"] if above else []), *folded(rows[above + 1 :])]
    count = len(rows) - 1
    end = f"Exit code {screen.code}." if screen.code is not None else "It waits for the answer."
    return "\n".join(
        [f"## {screen.title}", "", f"{screen.about} {count} lines. {end}", "", "```text", *shown, "```", ""]
    )


def folded(rows: Sequence[str]) -> list[str]:
    """The first and the last of many rows."""
    if len(rows) <= SHOWN:
        return list(rows)
    half = SHOWN // 2
    return [*rows[:half], f"[... {len(rows) - 2 * half} lines]", *rows[-half:]]
