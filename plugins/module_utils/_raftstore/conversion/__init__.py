# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the state found to the backend wanted: the state table, its steps, and all that is refused before the first.

May import everything below it: `text`, `disk`, `base`, the stores, `entries`, `directory`. Open table.py first: it
decides.
"""

from __future__ import annotations

__all__ = ["outcome", "preflight", "refusals", "request", "run", "space", "steps", "table"]
