# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clusters: waves, what a roll of one has come to, what is said of all.

Pure. May import `text`. Open states.py first: what a cluster can be in.
"""

from __future__ import annotations

__all__ = ["childenv", "closing", "outcome", "page", "recorded", "resume", "states", "table", "waves"]
