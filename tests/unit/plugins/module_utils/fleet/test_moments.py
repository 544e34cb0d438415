# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times for people."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.module_utils._fleet.moments import clock, length


def test_times() -> None:
    assert clock(1795964400.0) == "2026-11-29 15:00:00Z"
    assert [length(seconds) for seconds in (0.4, 59.6, 3723)] == ["0:00", "1:00", "1:02:03"]
