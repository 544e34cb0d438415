# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record as one page of HTML, for a person: nothing is loaded from elsewhere, and nothing runs in it.

Pure. May import `record` and `text`. Open page.py first: the sections, in their order.
"""

from __future__ import annotations

__all__ = ["page"]
