# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many entries at once, from one encoding to the other, column by column. Pure.

Entries that Nomad wrote one after the other differ in few places: index, term, type, time and data. The first entry
is decoded strictly; its encodings in both forms are the pattern for all. Every constant column must have the pattern's
byte in every row, and the numbers must be in range. `lanes.py` explains columns and lanes.

    msgpack   key |      HEAD | time | DATA_KEY, length | data | INDEX_KEY, marker | index | TERM_KEY, marker | term |
              TYPE_KEY | type
    binary    frame | index | term | type | data length | data | 0: extensions | 1: version |
              seconds | nanoseconds | zone | padding

Entries of one length are left where they are (`Rows`). Those of many lengths become rows of entries without data: data
and length are taken out, and put back at the end.

If everything has this form, the result is by construction what the strict codecs of `entry.py` would give. Otherwise
there is no result (None), and `transcode.py` tries fewer entries at a time. So this code decides nothing; it only
recognises. A property test compares the two.

Measured, Python 3.11: entries of one length of 200 bytes 0.35 microseconds each, of many lengths 0.9, strictly 14.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from functools import lru_cache
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

from ..._disk.errors import StoreError
from ..base.lanes import GUARD, Table, cells_of, index_cells, ones_of, put_number, put_uvarint, within
from ..base.store import LEAD_LEN, MSGPACK, Batch, Rows
from ..wal.segment import FRAME_ENTRY, FRAME_HEADER, frame_len
from .entry import (
    Entry,
    decode_binary,
    decode_msgpack,
    encode_binary,
    encode_msgpack,
    pack_raw_head,
    pack_uint,
    pack_uvarint,
)
from .gotime import GO_EPOCH_S, NS_LIMIT

HEAD = b"\x86\xaaAppendedAt\xa8"
DATA_KEY = b"\xa4Data"
INDEX_KEY = b"\xaaExtensions\xc0\xa5Index"
TERM_KEY = b"\xa4Term"
TYPE_KEY = b"\xa4Type"
HEAD_LENS = (1, 3, 5)  # of msgpack raws
UVARINT_LENS = range(1, 11)
TIME_LEN = 8
BINARY_END_LEN = 1 + 15  # extensions length and the long time
EMPTY_NIL = (b"\xa0", b"\xc0")  # no data in msgpack: bytes of length 0, which Go writes too, and nil
LONG = 4096  # longer data are not copied to take them out
S_BITS = 34  # of the seconds in a short time of 8 bytes; the nanoseconds are in the bits above
NS_BITS = 30
SHORT_MIN = 1 << 32  # a short time below this needs only 4 bytes
S_LEN, NS_LEN, ZONE_LEN = 8, 4, 2


class Numbers(NamedTuple):
    """What differs from row to row, besides index and data. The types are bytes, everything else lanes."""

    term: int
    types: bytes
    s: int
    ns: int


class Pattern:
    """Where each field is in rows like this entry, in both encodings. Positions count from the entry's first byte."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.data_len = len(entry.data)
        self.msgpack, self.binary = encode_msgpack(entry), encode_binary(entry)
        term, index = pack_uint(entry.term), pack_uint(entry.index)
        self.term_width, self.index_width = max(1, len(term) - 1), max(1, len(index) - 1)
        self.term_uvarint, self.index_uvarint = len(pack_uvarint(entry.term)), len(pack_uvarint(entry.index))
        self.type_at = len(self.msgpack) - 1
        self.term_at = self.type_at - len(TYPE_KEY) - self.term_width
        self.index_at = self.term_at - (len(term) - self.term_width) - len(TERM_KEY) - self.index_width
        self.msgpack_data_at = self.index_at - (len(index) - self.index_width) - len(INDEX_KEY) - self.data_len
        self.binary_data_at = self.index_uvarint + self.term_uvarint + 1 + len(pack_uvarint(self.data_len))
        self.s_at = len(self.binary) - S_LEN - NS_LEN - ZONE_LEN
        self.ns_at = self.s_at + S_LEN

    def data_at(self, in_msgpack: bool) -> int:
        """Where the data begin."""
        return self.msgpack_data_at if in_msgpack else self.binary_data_at

    def fits(self, last_index: int) -> bool:
        """Whether the entry has the form described above, and its index keeps its widths up to the last one."""
        return (
            not self.entry.extensions
            and self.entry.type < 0x80
            and self.entry.term < GUARD
            and last_index < GUARD
            and self.msgpack.startswith(HEAD)
            and len(self.binary) == self.binary_data_at + self.data_len + BINARY_END_LEN
            and self.msgpack[len(HEAD) + TIME_LEN :].startswith(DATA_KEY)
            and pack_uint(last_index)[: -self.index_width] == pack_uint(self.entry.index)[: -self.index_width]
            and len(pack_uint(last_index)) == len(pack_uint(self.entry.index))
            and len(pack_uvarint(last_index)) == self.index_uvarint
        )

    def has_term(self, lanes: int, count: int) -> bool:
        """Whether all terms have this term's widths, in both encodings."""
        width, marked = self.term_uvarint, len(pack_uint(self.entry.term)) > 1
        low = max(1 << 7 * (width - 1) if width > 1 else 0, _UINT_LOW[self.term_width] if marked else 0)
        above = min(1 << 7 * width, 1 << 8 * self.term_width if marked else 0x80, GUARD)
        return lanes >= 0 and within(lanes, low, above, count)


_UINT_LOW = {1: 0x80, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}  # the least number that msgpack writes in this many bytes


def _is_constant(table: Table, pattern: bytes, varying: List[Tuple[int, int]]) -> bool:
    """Whether all rows have the pattern's bytes outside the varying ranges (begin, length), which ascend."""
    at = 0
    for begin, length in [*varying, (len(pattern), 0)]:
        for place in range(at, begin):
            if table.column(place) != pattern[place : place + 1] * table.rows:
                return False
        at = begin + length
    return True


def _read_msgpack(table: Table, pattern: Pattern) -> Optional[Numbers]:
    varying = [
        (len(HEAD), TIME_LEN), (pattern.msgpack_data_at, pattern.data_len), (pattern.index_at, pattern.index_width),
        (pattern.term_at, pattern.term_width), (pattern.type_at, 1),
    ]  # fmt: skip
    if not _is_constant(table, pattern.msgpack, varying):
        return None
    ones = ones_of(table.rows)
    time, types = table.number(len(HEAD), TIME_LEN), table.column(pattern.type_at)
    s, ns = time & ones * ((1 << S_BITS) - 1), time >> S_BITS & ones * ((1 << NS_BITS) - 1)
    cells = index_cells(pattern.entry.index, table.rows)
    if not (table.has(pattern.index_at, pattern.index_width, cells) and types.isascii()):
        return None
    return Numbers(table.number(pattern.term_at, pattern.term_width), types, s, ns)


def _read_binary(table: Table, pattern: Pattern) -> Optional[Numbers]:
    numbers_len = pattern.index_uvarint + pattern.term_uvarint + 1
    varying = [(0, numbers_len), (pattern.binary_data_at, pattern.data_len), (pattern.s_at, S_LEN + NS_LEN)]
    if not _is_constant(table, pattern.binary, varying):
        return None
    types = table.column(numbers_len - 1)
    s, ns = table.number(pattern.s_at, S_LEN), table.number(pattern.ns_at, NS_LEN)
    ones = ones_of(table.rows)
    index = int.from_bytes(index_cells(pattern.entry.index, table.rows), "little")
    if (
        table.uvarint(0, pattern.index_uvarint) != index or not types.isascii()
        or not within(s, GO_EPOCH_S, GO_EPOCH_S + (1 << S_BITS), table.rows)
    ):  # fmt: skip
        return None
    s -= ones * GO_EPOCH_S
    if not within((ns | s >> 32) & ones * (SHORT_MIN - 1), 1, SHORT_MIN, table.rows):  # a shorter form of the time
        return None
    return Numbers(table.uvarint(pattern.index_uvarint, pattern.term_uvarint), types, s, ns)


def _write_binary(out: bytearray, stride: int, pattern: Pattern, numbers: Numbers, count: int, gap: int) -> None:
    index = int.from_bytes(index_cells(pattern.entry.index, count), "little")
    at = LEAD_LEN + pattern.index_uvarint
    put_uvarint(out, stride, LEAD_LEN, pattern.index_uvarint, index, count)
    put_uvarint(out, stride, at, pattern.term_uvarint, numbers.term, count)
    out[at + pattern.term_uvarint :: stride] = numbers.types
    s_at = LEAD_LEN + pattern.s_at - gap
    put_number(out, stride, s_at, S_LEN, cells_of(numbers.s + ones_of(count) * GO_EPOCH_S, count))
    put_number(out, stride, s_at + S_LEN, NS_LEN, cells_of(numbers.ns, count))


def _write_msgpack(out: bytearray, stride: int, pattern: Pattern, numbers: Numbers, count: int, gap: int) -> None:
    cells = index_cells(pattern.entry.index, count)
    back = LEAD_LEN - gap
    put_number(out, stride, 0, LEAD_LEN, cells)
    put_number(out, stride, LEAD_LEN + len(HEAD), TIME_LEN, cells_of(numbers.ns << S_BITS | numbers.s, count))
    put_number(out, stride, back + pattern.index_at, pattern.index_width, cells)
    put_number(out, stride, back + pattern.term_at, pattern.term_width, cells_of(numbers.term, count))
    out[back + pattern.type_at :: stride] = numbers.types


def convert_rows(source: str, rows: Rows) -> Optional[Rows]:
    """The rows in the other encoding, as its store has them; None if they are not all of one known form."""
    raw = rows.buf[rows.pos : rows.pos + rows.length]
    pattern = _pattern(source, raw)
    if pattern is None or pattern.entry.index != rows.first_index or not pattern.fits(rows.last_index):
        return None
    from_msgpack, count = source == MSGPACK, rows.entry_count
    if raw != (pattern.msgpack if from_msgpack else pattern.binary):
        return None
    table = Table(rows.buf, rows.pos, rows.stride, count)
    numbers = (_read_msgpack if from_msgpack else _read_binary)(table, pattern)
    if numbers is None or not pattern.has_term(numbers.term, count) or not within(numbers.ns, 0, NS_LIMIT, count):
        return None
    datas = [b""] * count
    if pattern.data_len:
        data_at = LEAD_LEN + pattern.data_at(from_msgpack)
        tail_len = rows.stride - data_at - pattern.data_len
        fields = struct.Struct(f"{data_at}x{pattern.data_len}s{tail_len}x")
        datas = [data for (data,) in fields.iter_unpack(memoryview(rows.framed))]
    return _joined(pattern, numbers, not from_msgpack, datas)


def _pattern(source: str, raw: bytes, data: Optional[bytes] = None) -> Optional[Pattern]:
    """The pattern of entries like this one, with `data` in place of its own if given; None if the entry is damaged."""
    try:
        entry = (decode_msgpack if source == MSGPACK else decode_binary)(raw)
    except StoreError:
        return None  # the strict codec will say what is wrong
    return Pattern(entry if data is None else replace(entry, data=data))


def convert_batch(source: str, batch: Batch) -> Optional[Batch]:
    """The same for entries of many lengths."""
    raws, from_msgpack = batch.raws, source == MSGPACK
    pattern = _pattern(source, raws[0], b"")
    if pattern is None:
        return None
    bare = pattern.msgpack if from_msgpack else pattern.binary
    front_len = pattern.data_at(from_msgpack) - 1  # one byte says that there are no data
    back_len = len(bare) - front_len - 1
    lens = [data_head(source, len(raw) - front_len - back_len) for raw in raws]
    if not all(lens):
        return None
    old_heads, new_heads = zip(*lens)
    stops = [front_len + len(head) for head in old_heads]
    found = [raw[front_len:stop] for raw, stop in zip(raws, stops)]
    if b"".join(found) != b"".join(old_heads):
        allowed = [(head, head) for head in old_heads] + [EMPTY_NIL] * from_msgpack
        if not set(zip(found, old_heads)).issubset(allowed):
            return None
    pieces = [bare[front_len : front_len + 1]] * (3 * len(raws))
    pieces[0::3] = [raw[:front_len] for raw in raws]
    pieces[2::3] = [raw[-back_len:] for raw in raws]
    rows = Rows(batch.first_index, len(raws), bytes(LEAD_LEN) + b"".join(pieces), LEAD_LEN, len(bare), len(bare))
    made = convert_rows(source, rows)
    if made is None:
        return None
    new_front_len = pattern.data_at(not from_msgpack) - 1
    view: Callable[[bytes], Any] = memoryview if batch.data_len > LONG * len(raws) else bytes
    datas = [view(raw)[stop:-back_len] for raw, stop in zip(raws, stops)]
    buf, starts = made.buf, range(made.pos, len(made.buf), made.stride)
    fronts = [buf[start : start + new_front_len] for start in starts]
    backs = [buf[start + new_front_len + 1 : start + made.length] for start in starts]
    return Batch(batch.first_index, list(map(b"".join, zip(fronts, new_heads, datas, backs))))


@lru_cache(maxsize=4096)
def data_head(source: str, length: int) -> Optional[Tuple[bytes, bytes]]:
    """The head that gives the data's length, here and in the other encoding; head and data take `length` bytes here.

    None if no head fits.
    """
    from_msgpack = source == MSGPACK
    for head_len in HEAD_LENS if from_msgpack else UVARINT_LENS:
        heads = pack_raw_head(max(0, length - head_len)), pack_uvarint(max(0, length - head_len))
        old, new = heads if from_msgpack else heads[::-1]
        if length >= head_len == len(old):
            return old, new
    return None


def _joined(pattern: Pattern, numbers: Numbers, to_msgpack: bool, datas: List[bytes]) -> Rows:
    """The rows, each entry preceded by what its store has there: bbolt's key, or a WAL's frame header."""
    raw, data_at = pattern.msgpack if to_msgpack else pattern.binary, pattern.data_at(to_msgpack)
    length, count, gap = len(raw), len(datas), pattern.data_len
    stride = LEAD_LEN + length if to_msgpack else frame_len(length)
    lead = bytes(LEAD_LEN) if to_msgpack else FRAME_HEADER.pack(FRAME_ENTRY, length)
    pattern_row = lead + raw[:data_at] + raw[data_at + gap :] + bytes(stride - LEAD_LEN - length)
    around = bytearray(pattern_row * count)  # the rows without their data
    (_write_msgpack if to_msgpack else _write_binary)(around, stride - gap, pattern, numbers, count, gap)
    buf = bytes(around)
    if gap:
        front_len = LEAD_LEN + data_at
        pieces = [buf[:front_len]] * (2 * count + 1)
        pieces[1::2] = datas
        pieces[2::2] = [buf[at : at + stride - gap] for at in range(front_len, len(buf), stride - gap)]
        buf = b"".join(pieces)
    return Rows(pattern.entry.index, count, buf, LEAD_LEN, stride, length)
