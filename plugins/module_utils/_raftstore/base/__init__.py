# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all code on Raft stores shares: the interface of both stores, file names, worker processes.

May import `disk`. Open store.py first.
"""

from __future__ import annotations

__all__ = ["lanes", "names", "store", "workers"]
