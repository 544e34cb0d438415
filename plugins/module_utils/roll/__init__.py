# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a roll decides, on plain values: what is found on the servers comes in, findings, plans and sentences go out.

Pure, and imports nothing of the collection. Open transaction.py first: the steps of one server.
"""

from __future__ import annotations

__all__ = ["left", "rehearsal", "transaction"]
