# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server from one backend to the other, by a process of its own that needs nobody once it has begun.

May import `server`, what `server` may, and the files beside the packages. Open transaction.py first: it walks
the steps.
"""

from __future__ import annotations

__all__ = ["caller", "lastlook", "place", "prospect", "subject"]
