# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a rehearsal, and what it has found. Plain values; nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Optional

from ..._disk.segmentsize import DEFAULT_SEGMENT_MIB
from ..base.store import ProgressSink
from ..conversion.request import no_progress


@dataclass(frozen=True)
class Wish:
    """What to rehearse: the store below `data_dir`, and with what. `workers` 0 means one process for each core.

    `copied`: the copy that was made of it while its server was stopped.
    """

    data_dir: str
    wal_segment_size: int = DEFAULT_SEGMENT_MIB
    workers: int = 1
    check: bool = False
    copied: bool = False
    progress: ProgressSink = no_progress


@dataclass
class Way:
    """One conversion: seconds of the whole, of converting and of comparing; bytes of entries; MB of them a second."""

    backend: str
    seconds: float = 0.0
    convert: float = 0.0
    verify: float = 0.0
    bytes_read: int = 0
    bytes_written: int = 0
    mb_per_s: float = 0.0


@dataclass
class Rehearsal:
    """What was found. `refusal` says why nothing was rehearsed; the numbers are then those of the store, or null.

    `needs_stop`: that is because the store is in use where nothing can be cloned. `method` is clone or copy. `there`
    and `back` are the two conversions. `left`: there was something of a rehearsal that was killed, which is removed, or
    in check mode would be.
    """

    raft_dir: str
    backend: Optional[str]
    size: int
    in_use: bool
    refusal: str = ""
    needs_stop: bool = False
    rehearsed: bool = False
    left: bool = False
    method: str = ""
    clone_seconds: float = 0.0
    there: Optional[Way] = None
    back: Optional[Way] = None
    entries: Optional[int] = None
    first_index: Optional[int] = None
    last_index: Optional[int] = None
    dropped_entries: int = 0
    digest: Optional[str] = None
    required_bytes: int = 0
    available_bytes: int = 0
    freed_bytes: int = 0
    seconds: float = 0.0
    plan: List[str] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)

    def sentence(self) -> str:
        """What was found, for a person."""
        if self.refusal:
            return self.refusal
        if self.there is None or self.back is None:
            return "Nothing is in the way of a rehearsal."
        there, dropped = self.there, f" {self.dropped_entries} are dropped." if self.dropped_entries else ""
        return (
            f"{self.backend} -> {there.backend} {there.seconds:.1f} s ({there.mb_per_s:.1f} MB/s), "
            f"back {self.back.seconds:.1f} s; {self.entries} entries, all equal.{dropped}"
        )
