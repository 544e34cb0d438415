# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the state found to the backend wanted: the state table, the plan, and the walk over its steps."""

from __future__ import annotations

from .outcome import Outcome, Request
from .syscalls import REAL, SystemCalls


def migrate(request: Request, calls: SystemCalls = REAL) -> Outcome:
    """Bring the store below `request.data_dir` to `request.backend`, or say what would be done (`request.check`).

    Raises StoreError (Refused, InUse, Corrupt, NoSpace, WriteFailed...) for everything that a user can meet; until the
    switch the old store is untouched then. Failures in tidying after the switch are in `Outcome.warnings`.
    """
    raise NotImplementedError
