# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves are Ansible's own batches: whatever is shown before the question is what Ansible does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.executor.playbook_executor import PlaybookExecutor
from ansible.utils.helpers import pct_to_int
from ansible_collections.raftops.nomad.plugins.module_utils._fleet.waves import size, waves
from hypothesis import given
from hypothesis import strategies as st

SIZES = st.lists(
    st.one_of(st.integers(1, 300), st.integers(1, 100).map(lambda percent: f"{percent}%"), st.integers(1, 9).map(str)),
    min_size=1,
    max_size=5,
)


def batches(sizes: list[Any], names: list[str]) -> list[list[str]]:
    """What Ansible makes of `serial`."""
    play = SimpleNamespace(hosts="all", order=None, serial=sizes)
    executor = SimpleNamespace(_inventory=SimpleNamespace(get_hosts=lambda *_args, **_more: list(names)))
    found: list[list[str]] = PlaybookExecutor._get_serialized_batches(executor, play)
    return found


@given(SIZES, st.integers(1, 250))
def test_waves_are_ansibles_batches(sizes: list[Any], count: int) -> None:
    names = [f"c{number}" for number in range(count)]
    assert waves(sizes, names) == batches(sizes, names)


def test_every_percentage_is_rounded_as_ansible_does() -> None:
    sizes = [(percent, count) for percent in range(1, 101) for count in range(1, 251)]
    assert [one for one in sizes if size(f"{one[0]}%", one[1]) != pct_to_int(f"{one[0]}%", one[1])] == []


def test_the_default_for_ten_clusters() -> None:
    cut = waves([1, 2, "25%", "100%"], [str(number) for number in range(10)])
    assert [len(wave) for wave in cut] == [1, 2, 2, 5]
    assert [name for wave in cut for name in wave] == [str(number) for number in range(10)]


@pytest.mark.parametrize("wrong", [0, -1, "0%", "101%", "half", "", "1,2", 1.5, True, None, "[1"])
def test_a_size_that_cannot_be_is_refused_with_a_sentence(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"raft_fleet_waves has .*Each wave is a number of clusters"):
        waves([1, wrong], ["a", "b"])


def test_no_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="raft_fleet_waves"):
        waves([], ["a"])
