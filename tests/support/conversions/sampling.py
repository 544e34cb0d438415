# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the points of a run are tried: all of them, or all around each change of a name and a part of the rest."""

from __future__ import annotations

from collections.abc import Sequence

from support.conversions.seams import Change

NAME_CHANGES = ("rename", "link", "symlink", "unlink", "mkdir", "rmdir")
AROUND = 1
ONE_OF = 26


def chosen(changes: Sequence[Change], everything: bool) -> list[tuple[int, Change]]:
    """(number, change) of the points to try.

    Not everything: each change of a name in the Raft directory (a switch is one), the one before it, the one after it,
    and one in 26 of those between, in the middle of writing segments and pages.
    """
    names = [number for number, change in enumerate(changes) if change.name in NAME_CHANGES]
    return [
        (number, change)
        for number, change in enumerate(changes)
        if everything or number % ONE_OF == 0 or any(abs(number - at) <= AROUND for at in names)
    ]


def numbers(changes: Sequence[Change], everything: bool, one_of: int, switch: int, phase: int = 0) -> list[int]:
    """The numbers of these points; unless everything is tried, those next to the switch and one in `one_of`."""
    points = [number for number, _change in chosen(changes, everything)]
    return [
        number
        for place, number in enumerate(points)
        if everything or place % one_of == phase or abs(number - switch) <= AROUND
    ]
