# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions of Nomad this collection knows. Pure."""

from __future__ import annotations

import re
from typing import Tuple

OLDEST = (2, 0, 0)  # the first one with the WAL backend
NEWEST = (2, 0, 5)  # the newest one that everything here was tried with


def numbers(version: str) -> Tuple[int, ...]:
    """The three numbers of a version like 2.0.5+ent; () for none."""
    return tuple(map(int, re.findall(r"[0-9]+", version)[: len(OLDEST)]))


def too_old(version: str) -> bool:
    """Whether it does not know the WAL backend."""
    return numbers(version) < OLDEST


def untried(version: str) -> bool:
    """Whether it is newer than all that this was tried with. Of a version that is not known, nobody can tell."""
    return numbers(version) > NEWEST


def written(version: Tuple[int, ...]) -> str:
    """For people."""
    return ".".join(map(str, version))
