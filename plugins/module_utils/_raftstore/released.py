# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until nobody has a host's store open, which proves that a stopped Nomad has really released it.

Reads no content, so a look is cheap whatever the size of the store. It proves only the moment of the look; the
conversion takes the same locks itself and keeps them.
"""

from __future__ import annotations

import time
from typing import Callable, List

from .._disk.errors import InUse
from .._disk.mounts import PROC
from .._disk.syscalls import REAL
from .directory.locks import POLL_S, in_use
from .directory.observe import observe, opened


def wait_until_released(
    data_dir: str,
    timeout_s: float,
    proc: str = PROC,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once no process has a store file below `data_dir` open or locked. Raises InUse after
    `timeout_s`, or Refused.
    """
    deadline = clock() + timeout_s
    while True:
        try:
            check_released(data_dir, proc)
            return
        except InUse:
            if clock() >= deadline:
                raise
        sleep(POLL_S)


def check_released(data_dir: str, proc: str = PROC) -> None:
    """Raises InUse, with the processes, when one has a store file below `data_dir` open or locked."""
    with opened(data_dir, REAL, proc) as found:
        if observe(found).store_lock == "taken":
            raise in_use(found.openers.pids, found.raft.path, proc)


def is_in_use(data_dir: str, proc: str = PROC) -> bool:
    """Whether a process has a store file below `data_dir` open or locked. Raises Refused."""
    with opened(data_dir, REAL, proc) as found:
        return observe(found).store_lock == "taken"


def who_has(data_dir: str, proc: str = PROC) -> List[int]:
    """The other processes that have a store file below `data_dir` open, as far as they can be seen. Raises Refused."""
    with opened(data_dir, REAL, proc) as found:
        observe(found)
        return found.openers.pids
