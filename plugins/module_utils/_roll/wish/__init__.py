# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may not be asked of a roll, before any server is judged: unknown variables, an Ansible that leaves parts out.

Pure, and imports nothing of the collection. Open engine.py first: which settings those are.
"""

from __future__ import annotations

__all__ = ["engine", "variables"]
