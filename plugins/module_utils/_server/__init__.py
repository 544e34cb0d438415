# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server as a whole: its agent and its store together.

May import `disk`, `agent`, `raftstore` and `roll`. Open look.py first: all that can be known about it, in one look.
"""

from __future__ import annotations

__all__ = ["configured", "look", "ondisk", "rehearse", "report", "stopping", "where"]
