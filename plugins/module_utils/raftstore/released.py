# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until nobody has the store of a host open: what proves that a stopped Nomad has really let go of it.

Reads no content, so a look is cheap whatever the size of the store. It proves the moment of the look; the conversion
takes the same locks itself and keeps them.
"""

from __future__ import annotations

import time
from typing import Callable, List, Tuple

from ..disk.errors import InUse
from ..disk.mounts import PROC
from ..disk.syscalls import REAL
from .directory.locks import in_use
from .directory.observe import Found, observe
from .directory.raftdir import locate

POLL_S = 0.1


def wait_until_idle(
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
            check_idle(data_dir, proc)
            return
        except InUse:
            if clock() >= deadline:
                raise
        sleep(POLL_S)


def check_idle(data_dir: str, proc: str = PROC) -> None:
    """Raises InUse, with the processes, when one has a store file below `data_dir` open or locked."""
    taken, pids, raft_dir = _look(data_dir, proc)
    if taken:
        raise in_use(pids, raft_dir, proc)


def who_has(data_dir: str, proc: str = PROC) -> List[int]:
    """The other processes that have a store file below `data_dir` open, as far as they can be seen. Raises Refused."""
    return _look(data_dir, proc)[1]


def _look(data_dir: str, proc: str) -> Tuple[bool, List[int], str]:
    raft = locate(data_dir, REAL)
    try:
        found = Found(raft, change=False, proc=proc)
        try:
            taken = observe(found).store_lock == "taken"
        finally:
            found.close()
    finally:
        raft.close()
    return taken, found.openers.pids, raft.path
