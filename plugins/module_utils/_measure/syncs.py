# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes until 4 kB are on the disk: what a commit cannot do without, on either backend."""

from __future__ import annotations

import os
import time
from contextlib import closing
from typing import Callable, List, NamedTuple

from .._disk.durable import Directory

NAME = "syncs"
FILE_LEN = 1 << 20
BLOCK = bytes(4096)
COUNT = 200
LIMIT_S = 2.0


class Syncs(NamedTuple):
    """How many were timed, and the median, the 99th percentile and the longest in milliseconds."""

    number: int
    median_ms: float
    p99_ms: float
    max_ms: float


def syncs(directory: Directory, clock: Callable[[], float] = time.perf_counter) -> Syncs:
    """Overwrite blocks of a file that has its full length, each followed by fdatasync(2), as bbolt does. Bounded."""
    took: List[float] = []
    with closing(directory.create(NAME)) as file:
        file.write([bytes(FILE_LEN)])
        file.sync()
        end = clock() + LIMIT_S
        while len(took) < COUNT and (not took or clock() < end):
            began = clock()
            file.write_at(len(took) * len(BLOCK) % FILE_LEN, [BLOCK])
            os.fdatasync(file.fd)
            took.append(1000 * (clock() - began))
    directory.remove(NAME)
    took.sort()
    median, p99 = took[len(took) // 2], took[min(len(took) - 1, len(took) * 99 // 100)]
    return Syncs(len(took), round(median, 3), round(p99, 3), round(took[-1], 3))
