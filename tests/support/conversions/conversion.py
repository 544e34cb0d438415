# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the product in a process of its own, on a small store, through a seam that the test chooses.

The units of the product are made small (`small_units`), so that a store of 100 KiB has many segments, parts and writes,
and a run takes a few hundredths of a second: thousands of points are affordable. Nothing else about it is changed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, NamedTuple, Optional

from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt import pages
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb import log, survey, writer
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion import (
    backupcopy,
    build,
    preflight,
    space,
)
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import convert
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import migrate
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal import segmentreader, segmentwriter
from support.conversions.seams import Counting
from support.stores.builder import (
    clock,
    lonely_proc,
    request,
)

UNITS: tuple[tuple[ModuleType, str, int], ...] = (
    (build, "MIB", 1 << 14),  # a "megabyte" of wal_segment_size
    (space, "MIB", 1 << 14),
    (space, "BOLTDB_GROWTH", 1 << 20),
    (preflight, "BOLTDB_GROWTH", 1 << 20),
    (convert, "PART_MIN", 1 << 13),
    (survey, "SHARED_MIN", 1 << 13),
    (log, "EXTENT_LEN", 1 << 12),
    (survey, "EXTENT_LEN", 1 << 12),
    (writer, "PART_LEN", 1 << 15),
    (writer, "WINDOW_LEN", 1 << 12),
    (segmentreader, "WINDOW_LEN", 1 << 12),
    (segmentwriter, "WINDOW_LEN", 1 << 12),
    (pages, "WINDOW_LEN", 1 << 13),
    (backupcopy, "WINDOW_LEN", 1 << 14),
)


def small_units(change: Callable[[ModuleType, str, int], None] = setattr) -> None:
    """Make segments of 16 KiB, parts of 8 to 32 KiB and writes of 4 to 16 KiB in this process and those it forks."""
    for module, name, value in UNITS:
        assert getattr(module, name) >= value, f"{module.__name__}.{name} is not what it was"
        change(module, name, value)


class End(NamedTuple):
    """How a run ended: the exit code, or minus the signal; what it answered, or the error it told."""

    status: int
    outcome: Optional[dict[str, Any]]
    error: Optional[dict[str, Any]]

    @property
    def succeeded(self) -> bool:
        return self.status == 0


class Running:
    """A run that has been started. `end` waits for it and for all its workers."""

    def __init__(self, raft: Path, calls: Counting, options: dict[str, Any], proc: str) -> None:
        self._read_fd, write_fd = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            status = 70
            try:
                os.close(self._read_fd)
                calls.begin()
                status = _child(write_fd, raft, calls, options, proc)
            finally:
                os._exit(status)
        os.close(write_fd)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> End:
        """Wait until the run and all its workers are gone."""
        with open(self._read_fd, "rb") as pipe:
            told = pipe.read()  # until the last worker, which has the pipe too, is gone
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        values = json.loads(told) if told else {}
        return End(status, values.get("outcome"), values.get("error"))


def _child(write_fd: int, raft: Path, calls: Counting, options: dict[str, Any], proc: str) -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    status = 1
    try:
        told: dict[str, Any] = {"outcome": dataclasses.asdict(migrate(request(raft, **options), calls, clock, proc))}
        status = 0
    except StoreError as error:
        told = {"error": error.as_dict()}
    except KeyboardInterrupt:
        told, status = {}, 130
    os.write(write_fd, json.dumps(told).encode())
    return status


def start(raft: Path, calls: Counting, proc: str = "", **options: Any) -> Running:
    """Start a run; with `proc` it sees other processes in that directory, else none."""
    return Running(raft, calls, options, proc or lonely_proc(raft.parents[2]))


def run(raft: Path, calls: Optional[Counting] = None, proc: str = "", **options: Any) -> End:
    """Start a run and wait for its end."""
    if calls is None:
        with contextlib.closing(Counting()) as uncounted:
            return run(raft, uncounted, proc, **options)
    return start(raft, calls, proc, **options).end()


def run_here(raft: Path, **options: Any) -> End:
    """A run with one worker in this process, for what is checked thousands of times."""
    try:
        outcome = migrate(request(raft, **options), clock=clock, proc=lonely_proc(raft.parents[2]))
    except StoreError as error:
        return End(1, None, error.as_dict())
    return End(0, dataclasses.asdict(outcome), None)
