# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of one server with what a roll has left beside it, and what a conversion would do or refuse. Reads only."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .._agent.cluster.hold import HoldFile
from .._agent.errors import AgentError
from .._disk.errors import StoreError
from .._raftstore.base.names import HOLD
from .._raftstore.conversion.outcome import Outcome
from .._raftstore.conversion.request import Request
from .._raftstore.migrate import migrate


class Prospect(NamedTuple):
    """What a conversion in check mode answers, or why it refuses."""

    outcome: Optional[Outcome]
    refusal: str

    @property
    def plan(self) -> List[str]:
        """Its steps in words."""
        return self.outcome.plan if self.outcome else []

    @property
    def warnings(self) -> List[str]:
        """What it would warn of."""
        return self.outcome.warnings if self.outcome else []


def held(raft_dir: str) -> Tuple[Optional[Dict[str, Any]], List[str]]:
    """The hold that is left here, and warnings; one that cannot be used is a warning, as nothing is done with it."""
    file = HoldFile(os.path.join(raft_dir, HOLD), os.geteuid())
    try:
        hold, warnings = file.load()
    except (AgentError, StoreError) as error:
        return None, [str(error)]
    return (hold._asdict() if hold else None), warnings


def prospect(request: Request) -> Prospect:
    """What the conversion would do to the store as it is now. `request` need not say `check`."""
    try:
        return Prospect(migrate(replace(request, check=True)), "")
    except StoreError as error:
        return Prospect(None, str(error))
