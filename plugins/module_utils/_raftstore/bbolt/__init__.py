# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bbolt database: pages, buckets, meta pages. Reads any, writes a whole one in one pass. Knows nothing of Raft.

May import `disk`. Open format.py first: it has the layout of a page.
"""

from __future__ import annotations

__all__ = ["format", "pages", "reader", "writer"]
