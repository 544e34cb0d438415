# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as text for people.

Pure, and imports nothing of the collection. Open lines.py first.
"""

from __future__ import annotations

__all__ = ["lines", "sizes"]
