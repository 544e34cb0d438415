# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is decided on one server's own host: the steps of its transaction, what a failure has left, its next start.

Pure, and imports nothing of the collection. Open transaction.py first.
"""

from __future__ import annotations

__all__ = ["facts", "left", "leftovers", "rehearsal", "transaction"]
