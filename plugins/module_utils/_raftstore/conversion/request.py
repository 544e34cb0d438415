# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a conversion on one host. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

from ..._disk.segmentsize import DEFAULT_SEGMENT_MIB
from ..base.store import WAL, ProgressSink

__all__ = ["ProgressSink", "Request", "no_progress"]


def no_progress(_phase: str, _done: int, _total: int, _bytes_done: int) -> None:
    """The progress sink of a caller that ignores progress."""


@dataclass(frozen=True)
class Request:
    """One request: put the store below `data_dir` on `backend`.

    `wal_segment_size` is in MB. `effective_backend` reads the agent's configuration anew and returns the backend that
    Nomad would use; None if the caller did not say where it is. `workers` 0 means one per core. `lock_timeout_s` is
    for another run of ours only. `check` computes the same plan and changes nothing. `origin` is who asks: it is
    written down with a conversion that is under way.
    """

    data_dir: str
    backend: str = WAL
    wal_segment_size: int = DEFAULT_SEGMENT_MIB
    effective_backend: Optional[Callable[[], str]] = None
    backup_dir: Optional[str] = None
    workers: int = 0
    lock_timeout_s: float = 60.0
    progress: ProgressSink = no_progress
    check: bool = False
    origin: str = ""
