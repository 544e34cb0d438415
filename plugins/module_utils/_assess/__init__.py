# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the change worth it? What a server's log costs now, what the change would take, and a verdict with its reasons.

Pure. Open verdict.py first: it has the thresholds.
"""

from __future__ import annotations

__all__ = ["assessment", "figures", "shape"]
