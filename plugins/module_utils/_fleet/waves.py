# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which clusters are rolled together. Pure.

Ansible makes its batches of `serial` the same way: each size counts from the list of all clusters, a percentage is
rounded down but is one at least, and the last size is repeated until no cluster is left.
"""

from __future__ import annotations

import re
from typing import List, Sequence, Union

MISTAKE = (
    "raft_fleet_waves has {!r}. Each wave is a number of clusters from 1 on, or a percentage of all of them from 1% "
    'to 100%, as in [1, 2, "25%", "100%"].'
)


def size(given: Union[int, str], count: int) -> int:
    """How many clusters a wave has, of `count`. Raises ValueError with a sentence."""
    found = re.fullmatch(r"([0-9]{1,6})(%?)", str(given).strip())
    number = int(found.group(1)) if found else 0
    if not found or number < 1 or (found.group(2) and number > 100):
        raise ValueError(MISTAKE.format(given))
    # In this order, as Ansible has it: 29% of 100 are 28.
    return max(1, int(number / 100.0 * count)) if found.group(2) else number


def waves(sizes: Sequence[Union[int, str]], names: Sequence[str]) -> List[List[str]]:
    """The names in their order, cut into waves. Raises ValueError for sizes that cannot be."""
    if not sizes:
        raise ValueError(MISTAKE.format(list(sizes)))
    counts = [size(given, len(names)) for given in sizes]
    cut: List[List[str]] = []
    left = list(names)
    while left:
        count = counts[min(len(cut), len(counts) - 1)]
        cut.append(left[:count])
        left = left[count:]
    return cut
