# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CRC-64/ECMA as Go's hash/crc64 computes it (the same as CRC-64/XZ). Pure; used for snapshots only.

Reflected polynomial 0xC96C5795D7870F42, state inverted at both ends. liblzma, which Python's own lzma module needs,
has it; without that, a table of 65,536 words in Python does the job, slowly.
"""

from __future__ import annotations

import ctypes
from typing import Callable, Dict, List, Optional

POLYNOMIAL = 0xC96C5795D7870F42
MASK = (1 << 64) - 1
KNOWN_INPUT = b"123456789"
KNOWN_ANSWER = 0x995DC9BBDF1939FA

Crc64 = Callable[[bytes, int], int]


def _liblzma() -> Optional[Crc64]:
    try:
        function = ctypes.CDLL("liblzma.so.5").lzma_crc64
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_uint64
    function.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64)

    def run(data: bytes, crc: int) -> int:
        return int(function(data, len(data), crc))

    return run


def _table() -> List[int]:
    """CRC of each two-byte word, low byte first, so that the loop takes two bytes at a time."""
    single = []
    for value in range(256):
        for _bit in range(8):
            value = (value >> 1) ^ (POLYNOMIAL if value & 1 else 0)
        single.append(value)
    return [(single[word & 255] >> 8) ^ single[(single[word & 255] ^ (word >> 8)) & 255] for word in range(65536)]


_tables: List[List[int]] = []


def _pure(data: bytes, crc: int) -> int:
    if not _tables:
        _tables.append(_table())
    table = _tables[0]
    state = crc ^ MASK
    even = len(data) & ~1
    words = (
        memoryview(data)[:even].cast("H")
        if even and _LITTLE_ENDIAN
        else [data[pos] | data[pos + 1] << 8 for pos in range(0, even, 2)]
    )
    for word in words:
        state = (state >> 16) ^ table[(state ^ word) & 0xFFFF]
    if len(data) > even:
        state ^= data[-1]
        for _bit in range(8):
            state = (state >> 1) ^ (POLYNOMIAL if state & 1 else 0)
    return state ^ MASK


_LITTLE_ENDIAN = memoryview(b"\x01\x00").cast("H")[0] == 1


def _implementations() -> Dict[str, Crc64]:
    library = _liblzma()
    if library is None or library(KNOWN_INPUT, 0) != KNOWN_ANSWER:
        return {"python": _pure}
    return {"liblzma": library, "python": _pure}


IMPLEMENTATIONS = _implementations()
_CHOSEN = next(iter(IMPLEMENTATIONS.values()))


def crc64(data: bytes, crc: int = 0) -> int:
    """CRC-64/ECMA of `data`, continuing from `crc`."""
    return _CHOSEN(data, crc)
