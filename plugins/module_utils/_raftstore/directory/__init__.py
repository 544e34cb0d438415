# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in one Raft directory: stores with their locks, snapshots, the journal, and which store covers the other.

May import `disk`, `base`, both stores and `entries`. Changes nothing but the journal. Open evidence.py first: it has
the questions; observe.py and readstores.py answer them.
"""

from __future__ import annotations

__all__ = ["covers", "evidence", "journal", "locks", "observe", "raftdir", "readstores", "shape", "snapshots"]
