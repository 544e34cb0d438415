# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raft log entries: the encoding of each backend, and the verified copying of one store into another.

May import `disk`, `base` and, for the layout of a frame, `wal`. Open convert.py first.
"""

from __future__ import annotations

__all__ = ["convert", "entry", "gotime"]
