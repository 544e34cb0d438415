# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a roll decides, on plain values: the steps of one server, what a failure has left, what is said about it.

Pure, and imports nothing of the collection. Open transaction.py first.
"""

from __future__ import annotations

__all__ = ["left", "transaction"]
