# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps of one transaction share: what is wanted, what has been found, what was done so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, List, Optional

from ..._agent.api.client import Client
from ..._agent.cluster.waiter import Teller, untold
from ..._agent.host.service import Runner
from ..._raftstore.conversion.request import ProgressSink
from .place import Place
from .subject import Subject
from .undo import Record


@dataclass
class Work:
    """One transaction. `goal` is the backend of the steps walked now, and becomes the former one on the way back.

    `waits` is told what a wait waits for. `previous` is the backend of the store before, if it is known.

    Set by the last look: `up`, whether the agent was there; `voters` (None: not looked at) and `tolerance`, which have
    to be as before when the server is back. `records` are the changes of the configuration of this run. `stopped` and
    `started` are seconds on the host's monotonic clock, `began_at` is Unix time.
    """

    subject: Subject
    place: Place
    run: Runner
    tell: ProgressSink
    client: Client
    goal: str
    server_id: str
    waits: Teller = untold
    previous: Optional[str] = None
    step: str = ""
    up: bool = True
    voters: Optional[FrozenSet[str]] = None
    tolerance: int = 0
    stopped: Optional[float] = None
    started: float = 0.0
    began_at: Optional[float] = None
    records: List[Record] = field(default_factory=list)
    phases: Dict[str, float] = field(default_factory=dict)
    results: Dict[str, Any] = field(default_factory=dict)
    warnings: List[str] = field(default_factory=list)

    def took(self, phase: str, seconds: float) -> None:
        """Add to the time of a phase; on the way back it comes to what it took before."""
        self.phases[phase] = round(self.phases.get(phase, 0.0) + seconds, 3)
