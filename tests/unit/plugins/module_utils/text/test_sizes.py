# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as people read them."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._text.sizes import age, human


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (0, "0 Bytes"), (1023, "1023 Bytes"), (1024, "1.0 KB"), (1536, "1.5 KB"), (10190, "10 KB"),
        (214 << 20, "214 MB"), (5 << 29, "2.5 GB"), (1 << 70, "1024 EB"),
    ],
)  # fmt: skip
def test_sizes_are_for_people(size: int, told: str) -> None:
    assert human(size) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "less than a minute"), (59.9, "less than a minute"), (60, "1 minute"), (3599, "59 minutes"),
        (3600, "1 hour"), (86399, "23 hours"), (86400, "1 day"), (40 * 86400, "40 days"),
    ],
)  # fmt: skip
def test_ages_are_for_people(seconds: float, told: str) -> None:
    assert age(seconds) == told
