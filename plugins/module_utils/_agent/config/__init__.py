# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration an agent would start with, and the change of one block in it, keeping every other byte.

May import `disk` and `agent.errors`. Open load.py first.
"""

from __future__ import annotations

__all__ = ["ensure", "files", "load"]
