# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON that somebody else wrote: the value, or a ValueError, in little time and memory."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.plainjson import FREE_OBJECTS, loads


def test_values_come_as_they_are_written() -> None:
    text = b'{"a": [1, 18446744073709551615, -5, 1.5, null, true, "\xc3\xa4"]}'
    assert loads(text) == {"a": [1, 2**64 - 1, -5, 1.5, None, True, "ä"]}


def test_pairs_go_to_the_hook() -> None:
    assert loads(b'{"a": 1, "a": 2}', list) == [("a", 1), ("a", 2)]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff",
        b"NaN",
        b"[Infinity]",
        b"9" * 22,
        b"[" * 65536,
        b'{"a":' * 20_000,
        b"[" * FREE_OBJECTS + b" " * 500 + b"x",
        b"[" + b"[]," * 100_000 + b"[]]",
    ],
    ids=range(10),
)
def test_anything_else_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(raw)


def test_a_deep_text_among_much_else_is_a_value_error() -> None:
    """Long enough that its brackets alone do not give it away."""
    with pytest.raises(ValueError, match="nested too deeply"):
        loads(b"[" * 300_000 + b" " * 10_000_000)


def test_long_numbers_and_many_lists_take_neither_time_nor_memory() -> None:
    started = time.process_time()
    tracemalloc.start()
    for raw in (b"9" * 1_000_000, b"[" + b"[]," * 1_000_000 + b"0]"):
        with pytest.raises(ValueError, match=r"too long|more lists"):
            loads(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20
    assert time.process_time() - started < 5
