# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets the processor and the disk serve everybody else first. It counts for this process and those it forks."""

from __future__ import annotations

import ctypes
import os
import platform
from contextlib import contextmanager, suppress
from typing import Iterator

NICEST = 19
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "i386": 289, "i686": 289}
_WHO_PROCESS = 1
_NONE, _IDLE = 0, 3 << 13  # I/O priority classes, which not all I/O schedulers know
_LIBC = ctypes.CDLL(None)


@contextmanager
def lowered() -> Iterator[None]:
    """As little as can be, in the block. Where the kernel has no such thing, nothing happens."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    _set(NICEST, _IDLE)
    try:
        yield
    finally:
        _set(before, _NONE)


def _set(nice: int, io_class: int) -> None:
    with suppress(OSError):  # only root may go up again, and for anybody else it is the end of the process anyway
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        _LIBC.syscall(number, _WHO_PROCESS, 0, io_class)
