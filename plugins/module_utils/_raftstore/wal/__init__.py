# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Raft store in wal/: segment files, and wal-meta.db with their list and the stable values.

May import `disk`, `base` and `bbolt` (wal-meta.db is such a database). Open reader.py first; segment.py has the layout
of a segment.
"""

from __future__ import annotations

__all__ = ["crc32c", "reader", "segment", "writer"]
