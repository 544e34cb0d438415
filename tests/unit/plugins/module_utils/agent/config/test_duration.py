# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as Go reads them; each text was given to time.ParseDuration by hand, the generated agents do it again."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.duration import is_duration


@pytest.mark.parametrize(
    "text", ["5m", "1h30m", "-1.5h", "+2s", "0", ".5s", "1.s", "100us", "1µs", "1μs", "9223372036s", "2562047h"]
)
def test_durations(text: str) -> None:
    assert is_duration(text)


@pytest.mark.parametrize(
    "text", ["", "5", "5 m", "soon", "m", ".s", "5M", "1d", "5m ", "9223372037s", "9" * 5000 + "s"]
)
def test_no_durations(text: str) -> None:
    assert not is_duration(text)
