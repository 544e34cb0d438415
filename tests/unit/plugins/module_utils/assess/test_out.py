# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""For how long a server would be out, against rolls of a real Nomad 2.0.5."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._assess.out import SEEN_S, back, conversion, out

MB = 1_000_000


def test_a_conversion_is_what_each_takes_and_what_each_byte_takes() -> None:
    assert conversion([(2 * MB, 0.1), (16 * MB, 0.24)], 116 * MB) == pytest.approx(0.08 + 1.16)
    assert conversion([(16 * MB, 0.24), (2 * MB, 0.1)], 0) == pytest.approx(0.08)


def test_of_runs_of_one_size_the_one_that_was_disturbed_least_counts() -> None:
    assert conversion([(2 * MB, 0.9), (2 * MB, 0.1), (16 * MB, 0.24), (16 * MB, 0.8)], 0) == pytest.approx(0.08)


def test_a_larger_store_that_was_faster_by_chance_takes_no_negative_time() -> None:
    assert conversion([(2 * MB, 0.3), (16 * MB, 0.2)], 100 * MB) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("ready", "writes", "came"),
    [
        (0.84, 80, 1.36),
        (0.75, 40, 1.43),
        (1.09, 40, 1.42),
        (1.10, 40, 1.50),
        (1.33, 40, 2.64),
        (2.10, 80, 2.65),
        (3.27, 40, 5.28),
        (5.50, 40, 11.02),
        (3.03, 40, 5.29),
    ],
)
def test_the_way_back_waits_for_the_leader(ready: float, writes: float, came: float) -> None:
    """Seen in rolls: the seconds from the end of the stop until the agent ran, and until the server was back."""
    assert came / 1.5 < back(ready, writes) + SEEN_S < came * 1.5


@pytest.mark.parametrize(("down", "caught_up"), [(6.0, 11.2), (12.0, 21.6), (46.0, 56.0), (95.0, 104.3)])
def test_without_writes_the_leader_is_slower_to_look(down: float, caught_up: float) -> None:
    """Seen by hand: the seconds for which a server was down, and after which it had what its leader had."""
    assert caught_up / 1.5 < back(down, 0) < caught_up * 1.5


def test_nothing_is_faster_than_its_parts() -> None:
    found = out([(2 * MB, 0.1), (16 * MB, 0.24)], 1000 * MB)
    assert found.conversion == 8.1 and found.seconds > found.conversion
