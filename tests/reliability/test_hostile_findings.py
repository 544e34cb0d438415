# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged stores that were a finding once, and what nobody found by chance. The number of an input makes its files."""

from __future__ import annotations

import pytest
from reliability import hostile_run

FOUND = {
    644288: "a torn frame before 512 MiB of nothing (2 GiB then): searching it for a commit took 7 s of processor time",
}


@pytest.fixture(autouse=True)
def small_units() -> None:
    """The product's own sizes."""


@pytest.mark.parametrize("number", FOUND)
def test_what_was_found_stays_away(number: int) -> None:
    seen = hostile_run.run([number])
    assert seen.findings == []
    assert sum(seen.counts.values()) == 1
