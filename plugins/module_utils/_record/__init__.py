# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a roll: from a journal of events to one plain value, the content of NAME.json.

Pure, and imports nothing of the collection's. Open kinds.py first: the events, and what of each is kept.
"""

from __future__ import annotations

__all__ = ["build", "journal", "kinds", "results", "stats", "timeline"]
