# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CRC-32C (Castagnoli), the checksum of WAL commit frames, from the fastest implementation this host has.

| name          | where it is from                                 | speed, about  |
|---------------|--------------------------------------------------|---------------|
| crc32c        | the PyPI package `crc32c`                        | 11 GB/s       |
| google_crc32c | the PyPI package `google-crc32c` (compiled form) | 7 GB/s        |
| libext2fs     | e2fsprogs, on practically every Linux host       | 1.6 GB/s      |
| folding       | here, pure Python                                | 0.25 GB/s     |

None is trusted untested: each must give the `KNOWN_ANSWERS` before its first use; otherwise the next one is taken.
This file knows nothing of stores. Parameters of the checksum: reflected polynomial 0x82F63B78, initial value and
final exclusive-or 0xFFFFFFFF; RFC 3720 appendix B.4 has the vectors.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Callable, Dict, Iterator, List, Tuple, Union

from ..._disk.errors import Unsupported

Buffer = Union[bytes, bytearray, memoryview]
Crc = Callable[[Buffer, int], int]

KNOWN_ANSWERS = (
    (b"", 0x00000000),
    (b"123456789", 0xE3069283),
    (b"\x00" * 32, 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(256)) * 20, 0x0CBCA9C8),  # long enough to use folding
)
_CHUNK_LEN = 1 << 20
_COPY_LEN = 1 << 16  # stays in the processor's cache
_ALL_ONES = 0xFFFFFFFF
_REFLECTED_POLYNOMIAL = 0x82F63B78

# Modulo the polynomial x^6777 = x^484 + x^100 + 1, and by squaring the same with all exponents doubled.
_FOLD_EXPONENTS = (6777, 484, 100)
_FOLD_LEVELS = 10  # the widest fold, 6777 * 2^9 bits, still fits into a chunk


def crc32c(data: Buffer, crc: int = 0) -> int:
    """The CRC-32C of `data`; with `crc`, the checksum of everything summed so far and `data` together."""
    return _selected()[1](data, crc)


def implementation() -> str:
    """Name of the implementation that `crc32c` uses on this host."""
    return _selected()[0]


@lru_cache(maxsize=None)
def load(name: str) -> Crc:
    """The implementation of this name, tested. Raises Unsupported if the host lacks it or it computes wrong results."""
    try:
        function = IMPLEMENTATIONS[name]()
    except (ImportError, OSError, AttributeError) as error:
        raise Unsupported(f"the CRC-32C implementation {name} is not on this host: {error}") from error
    for data, answer in KNOWN_ANSWERS:
        half = len(data) // 2
        if not function(data, 0) == function(data[half:], function(data[:half], 0)) == answer:
            raise Unsupported(f"the CRC-32C implementation {name} computes wrong checksums on this host")
    return function


@lru_cache(maxsize=None)
def _selected() -> Tuple[str, Crc]:
    reasons: List[str] = []
    for name in IMPLEMENTATIONS:
        try:
            return name, load(name)
        except Unsupported as error:
            reasons.append(error.what)
    raise Unsupported("; ".join(reasons), hint="Even plain arithmetic fails: suspect the Python or the machine.")


def _load_crc32c() -> Crc:
    import crc32c as package

    function: Crc = package.crc32c
    return function


def _load_google_crc32c() -> Crc:
    import google_crc32c as package

    if package.implementation != "c":
        raise ImportError("its compiled part is missing")
    extend = package.extend

    def extended(data: Buffer, crc: int) -> int:
        for chunk in _bytes_chunks(data):  # it takes bytes only
            crc = extend(crc, chunk)
        return crc

    return extended


def _load_libext2fs() -> Crc:
    function = ctypes.CDLL("libext2fs.so.2").ext2fs_crc32c_le
    function.restype = ctypes.c_uint32
    function.argtypes = [ctypes.c_uint32, ctypes.c_char_p, ctypes.c_size_t]

    def inverted(data: Buffer, crc: int) -> int:  # the library leaves the inversions to its caller
        state = crc ^ _ALL_ONES
        for chunk in _bytes_chunks(data):
            state = function(state, chunk, len(chunk))
        return state ^ _ALL_ONES

    return inverted


def _bytes_chunks(data: Buffer) -> Iterator[bytes]:
    """`data` itself if it is bytes, else its content copied piece by piece."""
    if isinstance(data, bytes):
        yield data
        return
    view = memoryview(data).cast("B")
    for pos in range(0, len(view), _COPY_LEN):
        yield bytes(view[pos : pos + _COPY_LEN])


def _load_folding() -> Crc:
    """Checksum by arithmetic on whole chunks as big integers.

    A chunk of n bits, read as a little-endian integer, is a polynomial in which bit i stands for x^(n-1-i). Each fold
    replaces its h = a - b lowest bits (the highest powers) by the congruent lower powers, until a few hundred bytes
    are left for the byte table. The byte table alone would do 8 MB/s.
    """
    table = _byte_table()
    levels: List[Tuple[int, int, int, int, int]] = []
    for level in reversed(range(_FOLD_LEVELS)):
        a, b, c = (exponent << level for exponent in _FOLD_EXPONENTS)
        levels.append((2 * a - b, a - b, (1 << (a - b)) - 1, b, b - c))

    def folded(data: Buffer, crc: int) -> int:
        state = crc ^ _ALL_ONES
        view = memoryview(data).cast("B")
        for pos in range(0, len(view), _CHUNK_LEN):
            state = _fold_chunk(view[pos : pos + _CHUNK_LEN], state, levels, table)
        return state ^ _ALL_ONES

    return folded


def _fold_chunk(chunk: memoryview, state: int, levels: List[Tuple[int, int, int, int, int]], table: List[int]) -> int:
    """The CRC register after `chunk`, from the register before it."""
    bit_count = len(chunk) * 8
    if bit_count >= levels[-1][0]:
        bits = int.from_bytes(chunk, "little") ^ state
        for needed, cut, mask, shift_b, shift_bc in levels:
            while bit_count >= needed:
                high = bits & mask
                bits = (bits >> cut) ^ (high << shift_b) ^ high ^ (high << shift_bc)
                bit_count -= cut
        pad = -bit_count % 8  # zero bits in front change nothing while the register is zero
        chunk = memoryview((bits << pad).to_bytes((bit_count + pad) // 8, "little"))
        state = 0
    for byte in chunk:
        state = table[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state


def _byte_table() -> List[int]:
    table: List[int] = []
    for value in range(256):
        for _bit in range(8):
            value = (value >> 1) ^ (_REFLECTED_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


IMPLEMENTATIONS: Dict[str, Callable[[], Crc]] = {
    "crc32c": _load_crc32c,
    "google_crc32c": _load_google_crc32c,
    "libext2fs": _load_libext2fs,
    "folding": _load_folding,
}
