# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server's turn in a roll, and the end after all of them: what may be done, whom to ask, what is proven.

Pure. May import `agent.cluster`, `roll` and `text`. Open turn.py first: all that a turn depends on.
"""

from __future__ import annotations

__all__ = ["oldstores", "turn"]
