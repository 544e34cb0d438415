# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a conversion on one host has found and done. Plain values; nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from ..base.store import Stable


@dataclass
class Outcome:
    """What was found and done. In check mode: what would be done, with the numbers of the store as it is.

    `entries`, `first_index`, `last_index` and `stable` are None if a store in use was looked at in check mode, and
    if there is no store. `required_bytes` is the free space that is asked for, None when nothing is built or the
    store was not read; `estimated_bytes` is the same, but is estimated from file sizes if the store was not read.
    `before` and `after` are listings of the Raft directory, one line per name, for diff mode.
    """

    changed: bool = False
    backend: Optional[str] = None
    previous_backend: Optional[str] = None
    state: str = ""
    raft_dir: str = ""
    entries: Optional[int] = None
    first_index: Optional[int] = None
    last_index: Optional[int] = None
    dropped_entries: int = 0
    stable: Optional[Dict[str, Any]] = None
    segments: Optional[int] = None
    bytes_read: int = 0
    bytes_written: int = 0
    backup: Optional[str] = None
    elapsed: Dict[str, float] = field(default_factory=lambda: {"convert": 0.0, "verify": 0.0, "total": 0.0})
    verified: int = 0
    crc32c: str = ""
    resumed: bool = False
    plan: List[str] = field(default_factory=list)
    required_bytes: Optional[int] = None
    estimated_bytes: Optional[int] = None
    warnings: List[str] = field(default_factory=list)
    before: List[str] = field(default_factory=list)
    after: List[str] = field(default_factory=list)


def stable_values(stable: Stable) -> Dict[str, Any]:
    """The stable values as a module result: absent ones None, the candidate as text (odd bytes escaped)."""
    candidate = stable.last_vote_candidate
    return {
        "current_term": stable.current_term,
        "last_vote_term": stable.last_vote_term,
        "last_vote_candidate": None if candidate is None else candidate.decode("utf-8", "backslashreplace"),
    }
