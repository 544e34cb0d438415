# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server's turn in a roll, what is done when it fails, and the end after all of them.

Pure. May import `text`, `agent.cluster`, `roll.host` and `roll`. Open turn.py first: all that a turn depends on.
"""

from __future__ import annotations

__all__ = ["failure", "oldstores", "turn"]
