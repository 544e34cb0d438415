# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lanes give what the same arithmetic gives number by number."""

from __future__ import annotations

import struct
from typing import Any, List

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base import lanes
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.lanes import GUARD, Table
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Rows
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.entry import pack_uvarint
from hypothesis import given
from hypothesis import strategies as st

EDGES = (0, 1, 127, 128, 2**32, GUARD - 2, GUARD - 1, GUARD, GUARD + 1, 2**64 - 1)


def packed(numbers: List[int]) -> int:
    return int.from_bytes(struct.pack(f"<{len(numbers)}Q", *numbers), "little")


def some() -> Any:
    return st.lists(st.one_of(st.sampled_from(EDGES), st.integers(0, 2**64 - 1)), min_size=1, max_size=20)


@given(some(), st.sampled_from(EDGES[:8]), st.sampled_from(EDGES[:8]))
def test_within_is_true_when_each_number_is(numbers: List[int], low: int, above: int) -> None:
    wanted = all(low <= number < above for number in numbers)
    assert lanes.within(packed(numbers), low, above, len(numbers)) == (wanted and max(numbers) < GUARD)


@pytest.mark.parametrize("place", range(5))
def test_one_number_out_of_range_is_enough(place: int) -> None:
    numbers = [7] * 5
    assert lanes.within(packed(numbers), 7, 8, 5)
    for wrong in (6, 8, 0, GUARD, 2**64 - 1):
        assert not lanes.within(packed([*numbers[:place], wrong, *numbers[place + 1 :]]), 7, 8, 5)


@given(some(), st.sampled_from((1, 2, 4, 8)), st.integers(0, 9), st.integers(0, 9))
def test_numbers_of_any_width_are_read_where_they_were_put(
    numbers: List[int], width: int, before: int, behind: int
) -> None:
    numbers = [number % 2 ** (8 * width) for number in numbers]
    rows = [bytes(before) + number.to_bytes(width, "big") + b"x" * behind for number in numbers]
    stride, count = before + width + behind, len(numbers)
    cells = lanes.cells_of(packed(numbers), count)
    table = Table(b"head" + b"".join(rows), 4, stride, count)
    assert table.number(before, width) == packed(numbers)
    assert table.has(before, width, cells)
    out = bytearray((bytes(before) + bytes(width) + b"x" * behind) * count)
    lanes.put_number(out, stride, before, width, cells)
    assert bytes(out) == b"".join(rows)


@given(some(), st.integers(1, 9))
def test_uvarints_are_read_and_written_as_by_the_codec(numbers: List[int], width: int) -> None:
    low = 2 ** (7 * width - 7) if width > 1 else 0
    numbers = [low + number % (2 ** (7 * width) - low) for number in numbers]
    rows = [b"y" + pack_uvarint(number) for number in numbers]
    table = Table(b"".join(rows), 0, 1 + width, len(rows))
    assert table.uvarint(1, width) == packed(numbers)
    out = bytearray((b"y" + bytes(width)) * len(rows))
    lanes.put_uvarint(out, 1 + width, 1, width, packed(numbers), len(rows))
    assert bytes(out) == b"".join(rows)
    for at in range(width):  # one that is shorter or goes on
        broken = bytearray(b"".join(rows))
        broken[1 + at] ^= 0x80
        assert Table(bytes(broken), 0, 1 + width, len(rows)).uvarint(1, width) == -1


def test_every_flipped_bit_of_a_key_is_seen() -> None:
    for first in (5, 250, 2**32 - 4):
        items = b"".join(struct.pack(">Q", index) + b"value" for index in range(first, first + 8))
        assert lanes.has_keys(Rows(first, 8, items, 8, 13, 5))
        assert not lanes.has_keys(Rows(first + 1, 8, items, 8, 13, 5))
        for bit in range(8 * len(items)):
            flipped = bytearray(items)
            flipped[bit // 8] ^= 1 << bit % 8
            in_value = bit // 8 % 13 >= 8
            assert lanes.has_keys(Rows(first, 8, bytes(flipped), 8, 13, 5)) == in_value
    assert not lanes.has_keys(Rows(GUARD - 1, 8, items, 8, 13, 5))
