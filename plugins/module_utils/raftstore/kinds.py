# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What entries that Nomad writes today have in common, so that `transcode.py` can recognise them. Pure.

Nearly all entries of a store have one form: a time of 8 bytes, no extensions. Of those with one term and type, whose
indexes take the same number of bytes (a **kind**), the ones of one length differ in three places only: index, time and
data. All other bytes are constants. Where they are is their **shape**, one compiled struct for each encoding, which
follows by arithmetic from the length and from the widths of index, term and type: so kinds of equal widths share it.

    msgpack   HEAD | time | DATA_KEY, length | data | INDEX_KEY, marker | index | tail: term, type
    binary    index | terms: term, type | data length | data | MARKS | time: seconds, nanoseconds, zone
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

from .entry import pack_raw_head, pack_uint, pack_uvarint

SHAPES_MAX = 8192  # in all, about 10 MB: a store with more lengths makes its shapes again and again
WIDTHS_MAX = 16
HEAD = b"\x86\xaaAppendedAt\xa8"
DATA_KEY = b"\xa4Data"
INDEX_KEY = b"\xaaExtensions\xc0\xa5Index"
TERM_KEY = b"\xa4Term"
TYPE_KEY = b"\xa4Type"
TIME_LEN = 8
MARKS = 0x0001  # no extensions; a long time of version 1 follows
BINARY_END_LEN = 1 + 15  # extensions length and the long time
INDEX_FORMS = (  # from, below, msgpack marker, struct code
    (0, 2**7, b"", "B"),
    (2**7, 2**8, b"\xcc", "B"),
    (2**8, 2**16, b"\xcd", "H"),
    (2**16, 2**32, b"\xce", "I"),
    (2**32, 2**64, b"\xcf", "Q"),
)
HEAD_LENS = (1, 3, 5)  # of msgpack raws
VARINT_LENS = range(1, 11)


class Shape(NamedTuple):
    """Entries of one length and of equal widths. The unpack and pack functions are those of the two structs."""

    unpack_msgpack: Callable[[bytes], Tuple[Any, ...]]  # HEAD, time, data key, data, index key, index, tail
    pack_msgpack: Callable[..., bytes]
    data_key: bytes
    unpack_binary: Callable[[bytes], Tuple[Any, ...]]  # index, terms, data length, data, MARKS, s, ns, zone
    pack_binary: Callable[..., bytes]
    data_len: bytes


class Shapes(NamedTuple):
    """The shapes that are remembered for equal widths, by the length of either encoding."""

    by_msgpack_len: Dict[int, Shape]
    by_binary_len: Dict[int, Shape]


_SHAPES: Dict[Tuple[int, ...], Shapes] = {}


class Kind:
    """Entries of one term and type with indexes from `index_min` to `index_max`; `shapes` by their lengths."""

    def __init__(self, term: int, entry_type: int, index: int) -> None:
        lowest, above, marker, self._index_code = next(form for form in INDEX_FORMS if form[0] <= index < form[1])
        self._varint_len = len(pack_uvarint(index))
        self.index_min = max(lowest, 2 ** (7 * self._varint_len - 7) if self._varint_len > 1 else 0)
        self.index_max = min(above, 2 ** (7 * self._varint_len)) - 1
        self.index_key = INDEX_KEY + marker
        self.tail = TERM_KEY + pack_uint(term) + TYPE_KEY + pack_uint(entry_type)
        self.terms = pack_uvarint(term) + pack_uvarint(entry_type)
        constants = (HEAD, DATA_KEY, self.index_key, self.tail)
        self._msgpack_rest = sum(map(len, constants)) + TIME_LEN + struct.calcsize(f">{self._index_code}")
        self._binary_rest = self._varint_len + len(self.terms) + BINARY_END_LEN
        widths = (self.index_max, len(self.tail), len(self.terms))
        self.shapes = _SHAPES.get(widths) or _SHAPES.setdefault(widths, Shapes({}, {}))

    def of_msgpack_len(self, length: int) -> Optional[Shape]:
        """The shape of entries of this kind that take `length` bytes in msgpack; None if there can be none."""
        for head_len in HEAD_LENS:
            data_len = length - self._msgpack_rest - head_len
            if data_len >= 0 and len(pack_raw_head(data_len)) == head_len:
                return self._make(data_len)
        return None

    def of_binary_len(self, length: int) -> Optional[Shape]:
        """The same for entries that take `length` bytes in binary."""
        for varint_len in VARINT_LENS:
            data_len = length - self._binary_rest - varint_len
            if data_len >= 0 and len(pack_uvarint(data_len)) == varint_len:
                return self._make(data_len)
        return None

    def _make(self, data_len: int) -> Shape:
        data_key = DATA_KEY + pack_raw_head(data_len)
        length = pack_uvarint(data_len)
        msgpack = struct.Struct(
            f">{len(HEAD)}sQ{len(data_key)}s{data_len}s{len(self.index_key)}s{self._index_code}{len(self.tail)}s"
        )
        binary = struct.Struct(f">{self._varint_len}s{len(self.terms)}s{len(length)}s{data_len}sHqih")
        shape = Shape(msgpack.unpack, msgpack.pack, data_key, binary.unpack, binary.pack, length)
        if shape_count() >= SHAPES_MAX or len(_SHAPES) > WIDTHS_MAX:
            forget()
        self.shapes.by_msgpack_len[msgpack.size] = self.shapes.by_binary_len[binary.size] = shape
        return shape


def shape_count() -> int:
    """Number of shapes that are remembered."""
    return sum([len(shapes.by_msgpack_len) for shapes in _SHAPES.values()])


def forget() -> None:
    """Forget all shapes: the memory for them is bounded, whatever the store holds."""
    for shapes in _SHAPES.values():
        shapes.by_msgpack_len.clear()
        shapes.by_binary_len.clear()
    _SHAPES.clear()
