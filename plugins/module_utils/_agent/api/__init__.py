# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's HTTP API: where it is, how it is asked, and its answers as values.

May import `disk` and `agent.errors`. The only code that speaks HTTP. Open client.py first.
"""

from __future__ import annotations

__all__ = ["answers", "client", "connection", "metrics"]
