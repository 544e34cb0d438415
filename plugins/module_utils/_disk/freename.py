# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A name that nothing has yet, and the time that such a name carries. Pure."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Collection


def free_name(taken: Collection[str], wanted: str, ending: str = "") -> str:
    """The name wanted, or with `-2`, `-3`... if that is taken; `ending` follows the number."""
    number = 1
    free = wanted + ending
    while free in taken:
        number += 1
        free = f"{wanted}-{number}{ending}"
    return free


def stamp(seconds: float) -> str:
    """The time of a name, as the Nomad command writes it, in UTC. It only makes names readable."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y%m%d-%H%M%S")
