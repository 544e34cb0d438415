# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Raft store in raft.db: entries and stable values in two buckets of a bbolt database.

May import `disk`, `base` and `bbolt`. Open reader.py first.
"""

from __future__ import annotations

__all__ = ["reader", "writer"]
