# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server from one backend to the other, by a process of its own that needs nobody once it has begun.

Stands on `agent`, `raftstore` and `roll`, and is what joins them. Open transaction.py first: it walks the steps.
"""

from __future__ import annotations

__all__ = ["caller", "configured", "lastlook", "place", "prospect", "stopping", "subject"]
