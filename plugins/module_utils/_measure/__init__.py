# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be measured beside a running server: its agent's metrics, its disk, a conversion of a store made for it.

Changes nothing of Nomad's. Files are made in one scratch directory of root's, which is removed. Open cost.py first.
"""

from __future__ import annotations

__all__ = ["cost", "disk"]
