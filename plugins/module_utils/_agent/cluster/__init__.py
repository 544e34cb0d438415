# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's place in its cluster: is it back, may it be stopped, who leads, what is held.

May import `text`, `disk`, `agent.errors` and `api`. Open health.py first: it has the conditions that everything else
waits for.
"""

from __future__ import annotations

__all__ = [
    "health",
    "hold",
    "leadership",
    "listening",
    "observe",
    "peers",
    "rights",
    "snapshot",
    "snapshotfiles",
    "waiter",
    "writecheck",
]
