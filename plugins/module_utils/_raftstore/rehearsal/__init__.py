# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A conversion tried on a clone of a store, beside the server that has it open: the clone, and the place for it.

May import `disk`, `base`, `directory` and `conversion`. Changes nothing in a Raft directory. Open clone.py first: it
says why a clone is a whole store.
"""

from __future__ import annotations

__all__ = ["clone", "outcome", "priority", "room", "scratch"]
