# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a roll decides, on plain values: what a server is, what prevents a roll, whose turn it is.

Pure. May import `text`, `disk`, `agent`, `agent.cluster`, `agent.host`, `roll.host` and `roll.wish`. Open plan.py
first: what is refused, in its order.
"""

from __future__ import annotations

__all__ = ["closing", "cluster", "copying", "holds", "options", "plan", "server", "tables"]
