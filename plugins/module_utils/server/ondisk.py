# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of one server with what a roll has left beside it, and what a conversion would do or refuse. Reads only."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..agent.cluster.hold import HoldFile
from ..agent.errors import AgentError
from ..disk.errors import StoreError
from ..raftstore.base.names import HOLD
from ..raftstore.conversion.request import Request
from ..raftstore.conversion.space import required_bytes
from ..raftstore.migrate import migrate


class Prospect(NamedTuple):
    """What a conversion in check mode says: its plan and warnings, or why it refuses."""

    plan: List[str]
    warnings: List[str]
    refusal: str


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
        outcome = migrate(replace(request, check=True))
    except StoreError as error:
        return Prospect([], [], str(error))
    return Prospect(outcome.plan, outcome.warnings, "")


def space(store: Dict[str, Any], backend: str, wal_segment_size: int) -> Optional[int]:
    """Bytes that a conversion to this backend asks for, None when unknown. At most so many while the store is in use.

    `store` is the result of describe.
    """
    if store["backend"] == backend or store["backend"] is None:
        return 0 if store["backend"] else None
    if backend == "wal" and store["required_bytes"] is None and store["size"] is not None:
        return required_bytes(store["size"], wal_segment_size)
    required: Optional[int] = store["required_bytes"]
    return required
