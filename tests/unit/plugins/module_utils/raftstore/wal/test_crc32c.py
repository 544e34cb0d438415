# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One table of vectors for every implementation of CRC-32C, each compared with arithmetic done bit by bit here."""

from __future__ import annotations

import random
from functools import lru_cache

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Unsupported
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal import crc32c as module


def present():
    """Names of the implementations that this machine has; what is missing is not a case here."""
    names = []
    for name in module.IMPLEMENTATIONS:
        try:
            module.load(name)
        except Unsupported:
            continue
        names.append(name)
    return names


PRESENT = present()

# RFC 3720 appendix B.4, and the first commit of the WAL segment that raft-wal wrote (its frame says 0xa4085375).
VECTORS = [
    (b"", 0),
    (b"a", 0xC1D04330),
    (b"123456789", 0xE3069283),
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C),
    (
        bytes.fromhex(
            "0d6beb580000000005000000000000000100000000000000010000000000000001000000170000000507000352fdfc00010000000ee0e9"
            "2ca5287735f2ffff0001000000170000000607000307218200010000000ee0e92ca528867832ffff00"
        ),
        0xA4085375,
    ),
]
# Around every border of the folding: word table only, first fold, each wider fold, whole and broken chunks.
LENGTHS = sorted(
    {0, 1, 3, 7, 8, 1633, 1634, 1635, 1 << 20, (1 << 20) + 1, (2 << 20) + 12345}
    | {length + delta for level in range(10) for length in [(13070 << level) // 8] for delta in (0, 1)}
)


def bit_by_bit(data, crc=0):
    """The definition: shift right, subtract the reflected polynomial when a one falls out."""
    state = crc ^ 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _bit in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def test_the_implementations_that_need_no_special_hardware_are_present():
    assert "folding" in PRESENT
    assert module.implementation() == PRESENT[0]


@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize(("data", "answer"), VECTORS)
def test_vectors_with_foreign_bytes_around_them(name, data, answer):
    function = module.load(name)
    padded = b"\xa5" * 5 + data + b"\x5a" * 3
    window = slice(5, 5 + len(data))
    assert function(data, 0) == answer
    assert function(memoryview(padded)[window], 0) == answer
    assert function(bytearray(padded)[window], 0) == answer
    assert function(memoryview(bytearray(padded))[window], 0) == answer


@pytest.mark.parametrize("name", PRESENT)
def test_continues_at_any_cut(name):
    function = module.load(name)
    data = bytes(random.Random(1).getrandbits(8) for number in range(3000))
    answer = bit_by_bit(data)
    for cut in (0, 1, 4, 1499, 1700, 2999, 3000):
        assert function(data[cut:], function(data[:cut], 0)) == answer


@lru_cache(maxsize=None)
def expected_by_the_byte_table():
    """(data, {length: CRC}): summed in pieces too short to be folded, so that only the byte table is at work."""
    data = bytes(random.Random(2).getrandbits(8) for number in range(4099)) * 520
    table = module.load("folding")
    answers, crc, pos = {}, 0x1234, 0
    for length in LENGTHS:
        while pos < length:
            crc, pos = table(data[pos : min(pos + 1600, length)], crc), min(pos + 1600, length)
        answers[length] = crc
    return data, answers


@pytest.mark.parametrize("name", PRESENT)
def test_all_lengths_around_the_borders_of_the_folding(name):
    data, answers = expected_by_the_byte_table()
    for length, answer in answers.items():
        assert module.load(name)(data[:length], 0x1234) == answer, length


def test_short_pieces_are_summed_as_defined():
    data = bytes(random.Random(3).getrandbits(8) for number in range(1600))
    assert module.load("folding")(data, 77) == bit_by_bit(data, 77)


def test_a_wrong_implementation_is_refused_and_the_next_one_taken(monkeypatch):
    wrong = {"broken": lambda: lambda data, crc: 0, **module.IMPLEMENTATIONS}
    monkeypatch.setattr(module, "IMPLEMENTATIONS", wrong)
    module._selected.cache_clear()
    try:
        with pytest.raises(Unsupported, match="broken computes wrong checksums"):
            module.load("broken")
        assert module.implementation() == PRESENT[0]
        assert module.crc32c(b"123456789") == 0xE3069283
    finally:
        module._selected.cache_clear()


def test_an_implementation_that_ignores_what_came_before_is_refused(monkeypatch):
    proven = module.load("folding")
    monkeypatch.setitem(module.IMPLEMENTATIONS, "forgetful", lambda: lambda data, crc: proven(data, 0))
    with pytest.raises(Unsupported, match="forgetful computes wrong"):
        module.load("forgetful")


def test_an_absent_package_is_named(monkeypatch):
    def absent():
        raise ImportError("No module named 'speedy'")

    monkeypatch.setitem(module.IMPLEMENTATIONS, "speedy", absent)
    with pytest.raises(Unsupported, match="speedy is not on this host: No module named 'speedy'"):
        module.load("speedy")
