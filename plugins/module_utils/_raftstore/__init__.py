# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's Raft store on its disk: what is there, and the conversion from one backend to the other.

May import `text`, `disk` and the packages below; each of those says what it may import. Knows no API, no configuration
and no Ansible. Open migrate.py first: it puts one conversion in order.
"""

from __future__ import annotations

__all__ = ["describe", "migrate", "prune", "rehearse", "released"]
