# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a roll decides, on plain values: what is found on the servers comes in, findings, plans and sentences go out.

Imports nothing that is not pure. Open rehearsal.py first: what would go wrong at a server's next start.
"""

from __future__ import annotations

__all__ = ["rehearsal"]
