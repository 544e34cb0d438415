# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's process on its host: stop it and keep it stopped, start it, look at it, read its log.

May import `text`, `disk` and `agent.errors`. Open service.py first.
"""

from __future__ import annotations

__all__ = ["cmdline", "loglines", "process", "service", "unit", "validate"]
