# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns of bytes, and the numbers in them as lanes: arithmetic on thousands of entries in one step. Pure.

Where entries of one length lie side by side, one byte of each is one strided slice. **Lanes** are a Python integer with
64 bits for the number of each row, the first row in the lowest bits: one addition adds to all rows. Nothing may
carry from one lane into the next, so numbers of 2^63 and more are refused before any arithmetic on them.

Measured per row, Python 3.11: 1 nanosecond for a column, 16 for a number of 8 bytes, 1 to 2 for an operation.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

from .store import LEAD_LEN, Rows

GUARD = 1 << 63


@lru_cache(maxsize=8)
def ones_of(count: int) -> int:
    """1 in each lane. Times a number: that number in each lane."""
    return int.from_bytes(b"\1\0\0\0\0\0\0\0" * count, "little")


@lru_cache(maxsize=8)
def _iota(count: int) -> int:
    """0, 1, 2... in the lanes."""
    return int.from_bytes(struct.pack(f"<{count}Q", *range(count)), "little")


def cells_of(lanes: int, count: int) -> bytes:
    """The lanes as bytes: 8 for each, the lowest first."""
    return lanes.to_bytes(8 * count, "little")


def within(lanes: int, low: int, above: int, count: int) -> bool:
    """Whether the number in each lane is at least `low` and less than `above`; `above` is at most 2^63."""
    ones = ones_of(count)
    guards = ones * GUARD
    if lanes & guards or (lanes + ones * (GUARD - above)) & guards:
        return False
    return ((lanes | guards) - ones * low) & guards == guards


def index_cells(first: int, count: int) -> bytes:
    """The indexes from `first` on, 8 bytes for each, the lowest first."""
    return cells_of(ones_of(count) * first + _iota(count), count)


class Table(NamedTuple):
    """Rows in a buffer: byte `at` of row i is at pos + at + i * stride."""

    buf: bytes
    pos: int
    stride: int
    rows: int

    def column(self, at: int) -> bytes:
        """One byte of each row."""
        start = self.pos + at
        return self.buf[start : start + (self.rows - 1) * self.stride + 1 : self.stride]

    def number(self, at: int, width: int) -> int:
        """A big-endian number of each row, as lanes."""
        cells = bytearray(8 * self.rows)
        for number in range(width):
            cells[number::8] = self.column(at + width - 1 - number)
        return int.from_bytes(cells, "little")

    def has(self, at: int, width: int, cells: bytes) -> bool:
        """Whether the big-endian numbers at `at` equal those in the cells, as far as `width` reaches."""
        return all(self.column(at + width - 1 - number) == cells[number::8] for number in range(width))

    def uvarint(self, at: int, width: int) -> int:
        """An unsigned varint of each row, as lanes; -1 if one has another width."""
        ones = ones_of(self.rows)
        lanes = 0
        for number in range(width):
            cell = self.number(at + number, 1)
            more = cell & ones * 0x80
            if more != (ones * 0x80 if number < width - 1 else 0):
                return -1
            lanes |= (cell ^ more) << 7 * number
        return lanes


def put_number(out: bytearray, stride: int, at: int, width: int, cells: bytes) -> None:
    """Write big-endian numbers into a column of each row."""
    for number in range(width):
        out[at + width - 1 - number :: stride] = cells[number::8]


def put_uvarint(out: bytearray, stride: int, at: int, width: int, lanes: int, count: int) -> None:
    """Write unsigned varints of this width into a column of each row."""
    ones = ones_of(count)
    for number in range(width):
        cell = (lanes >> 7 * number) & ones * 0x7F | (ones * 0x80 if number < width - 1 else 0)
        out[at + number :: stride] = cells_of(cell, count)[0::8]


def has_keys(rows: Rows) -> bool:
    """Whether the bytes before each of these entries are its index, as in bbolt."""
    if rows.last_index >= GUARD:
        return False
    table = Table(rows.buf, rows.pos - LEAD_LEN, rows.stride, rows.entry_count)
    return table.has(0, LEAD_LEN, index_cells(rows.first_index, rows.entry_count))
