# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may not be asked of a roll, before any server is looked at: names that are none of its variables.

Pure, and imports nothing of the collection. Open variables.py first: which names there are.
"""

from __future__ import annotations

__all__ = ["variables"]
