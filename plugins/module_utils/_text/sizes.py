# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers for people: bytes, ages, how many there are of something. Pure."""

from __future__ import annotations

from typing import Optional

_UNITS = ("Bytes", "KB", "MB", "GB", "TB", "PB", "EB")
_AGES = ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute"))


def human(size: float) -> str:
    """A number of bytes for people: two digits at least, as few as that needs."""
    power = 0
    while size >= 1024 and power < len(_UNITS) - 1:
        size, power = size / 1024, power + 1
    return f"{size:.{1 if power and size < 9.95 else 0}f} {_UNITS[power]}"


def cell(size: Optional[int]) -> str:
    """The same in one word, for a table: 16MB; "-" for one that is not known."""
    return "-" if size is None else human(size).replace(" ", "")


def counted(count: int, what: str) -> str:
    """The number and the word, with an s for all but one."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def age(seconds: float) -> str:
    """So many seconds in the largest unit of which there is at least one: 3 hours."""
    for length, unit in _AGES:
        count = int(seconds // length)
        if count >= 1:
            return counted(count, unit)
    return "less than a minute"
