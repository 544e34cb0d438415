# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Raft log entry and its two encodings. Pure: bytes in, values out; strict in both directions.

**msgpack** (in raft.db; go-msgpack codec/msgpack.go with WriteExt off): a map whose keys are sorted by name.

    86 aa AppendedAt TIME  a4 Data RAW  aa Extensions RAW  a5 Index UINT  a4 Term UINT  a4 Type UINT

Extensions came with raft 1.1.1 and AppendedAt with 1.3, so maps of 4 and 5 keys exist. UINT is big-endian, RAW is a
fixstr, str or bin, or nil (read as empty: a WAL does not keep the difference). TIME is one of
    nil                       Go's zero time, 0001-01-01T00:00:00Z
    RAW  4, 8 or 12 bytes     short form (`gotime.py`): the "new" time format, which Nomad writes; also as extension -1
    RAW 15 or 16 bytes        long form, Go's Time.MarshalBinary: the "old" format, the default of go-msgpack

**binary** (in WAL segments; raft-wal codec.go):

    uvarint Index | uvarint Term | uvarint Type | uvarint length, Data | uvarint length, Extensions | TIME in long form

Worked example, entry 5 of term 7 in both:

    86 aa417070656e6465644174 a8a1dcd7c8695735a5 a444617461 a352fdfc
       aa457874656e73696f6e73 c0 a5496e646578 05 a45465726d 07 a454797065 00
    05 07 00 0352fdfc 00 010000000ee0e92ca5287735f2ffff

Refused here, though Go's decoders accept them: unknown and repeated keys, bytes after the end, nanoseconds of a second
or more, overlong uvarints. Messages give the place inside the entry; the caller knows the entry and the file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Tuple

from ..._disk.errors import RESTORE, Corrupt, StoreError
from ..base.store import BINARY, MSGPACK, U64_LIMIT
from .gotime import TIME_32, TIME_64, TIME_96, ZERO_TIME, GoTime, pack_marshal, pack_short, parse_marshal, parse_short

NIL = 0xC0
FIXMAP = 0x80
FIXSTR = 0xA0
FIXSTR_LIMIT = 32
FIXINT_LIMIT = 0x80
EXT_TIMES = ((b"\xd6\xff", 4), (b"\xd7\xff", 8), (b"\xc7\x0c\xff", 12))  # fixext4, fixext8, ext8, of type -1
UINTS = {
    0xCC: struct.Struct(">B"), 0xCD: struct.Struct(">H"), 0xCE: struct.Struct(">I"), 0xCF: struct.Struct(">Q"),
    0xD0: struct.Struct(">b"), 0xD1: struct.Struct(">h"), 0xD2: struct.Struct(">i"), 0xD3: struct.Struct(">q"),
}  # fmt: skip
LENGTHS = {
    0xD9: struct.Struct(">B"), 0xDA: struct.Struct(">H"), 0xDB: struct.Struct(">I"),  # str
    0xC4: struct.Struct(">B"), 0xC5: struct.Struct(">H"), 0xC6: struct.Struct(">I"),  # bin
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A Raft log entry (raft log.go). `type` is raft's LogType: 0 command, 1 noop, 4 barrier, 5 configuration."""

    index: int
    term: int
    type: int
    data: bytes
    extensions: bytes = b""
    appended_at: GoTime = ZERO_TIME


def same(a: Entry, b: Entry) -> bool:
    """Whether two entries are equal; times as instants, because raft.db does not keep the zone that a WAL may have."""
    return replace(a, appended_at=a.appended_at.in_utc()) == replace(b, appended_at=b.appended_at.in_utc())


def digest_line(entry: Entry) -> bytes:
    """The line that stands for this entry in a store's digest; it does not depend on the encoding."""
    return (
        f"{entry.index} {entry.term} {entry.type} {entry.data.hex()} {entry.extensions.hex()} "
        f"{entry.appended_at.unix_ns}\n"
    ).encode("ascii")


def _need(raw: bytes, pos: int, length: int, what: str) -> int:
    """The position after `length` bytes at `pos`; Corrupt if the entry ends too early."""
    if pos + length > len(raw):
        raise Corrupt(f"{what} at byte {pos} of the entry goes beyond its end at byte {len(raw)}")
    return pos + length


def _take_time(raw: bytes, pos: int) -> Tuple[GoTime, int]:
    if raw[pos : pos + 1] == bytes((NIL,)):
        return ZERO_TIME, pos + 1
    for mark, length in EXT_TIMES:
        if raw.startswith(mark, pos):
            end = _need(raw, pos + len(mark), length, "the time")
            return parse_short(raw, pos + len(mark), length), end
    body_pos, end = _raw_bounds(raw, pos, "AppendedAt")
    if end - body_pos in (TIME_32.size, TIME_64.size, TIME_96.size):
        return parse_short(raw, body_pos, end - body_pos), end
    if body_pos > pos + 1:  # Go reads the long form from a fixstr only
        raise Corrupt(f"the time at byte {pos} of the entry has {end - body_pos} bytes, wanted 4, 8 or 12")
    return parse_marshal(raw, body_pos, end), end


def _pack_time(time: GoTime) -> bytes:
    """As go-msgpack's new time format writes it: nil for the zero time, or a short form."""
    if time.in_utc() == ZERO_TIME:
        return bytes((NIL,))
    body = pack_short(time)
    return bytes((FIXSTR | len(body),)) + body


# --- msgpack ---------------------------------------------------------------------------------------------------------


def _take_uint(raw: bytes, pos: int) -> Tuple[int, int]:
    _need(raw, pos, 1, "a number")
    marker = raw[pos]
    if marker < FIXINT_LIMIT:
        return marker, pos + 1
    kind = UINTS.get(marker)
    if kind is None:
        raise Corrupt(f"byte {pos} of the entry is 0x{marker:02x}, wanted an unsigned number")
    end = _need(raw, pos + 1, kind.size, "a number")
    (value,) = kind.unpack_from(raw, pos + 1)
    if value < 0:
        raise Corrupt(f"the number at byte {pos} of the entry is negative")
    return value, end


def pack_uint(value: int) -> bytes:
    """`value` in msgpack's shortest unsigned form."""
    if value < FIXINT_LIMIT:
        return bytes((value,))
    for marker, bits in ((0xCC, 8), (0xCD, 16), (0xCE, 32)):
        if value < 1 << bits:
            return bytes((marker,)) + UINTS[marker].pack(value)
    return bytes((0xCF,)) + UINTS[0xCF].pack(value)


def _raw_bounds(raw: bytes, pos: int, what: str) -> Tuple[int, int]:
    """Begin and end of the bytes of the fixstr, str or bin at `pos`."""
    _need(raw, pos, 1, what)
    marker = raw[pos]
    if FIXSTR <= marker < FIXSTR + FIXSTR_LIMIT:
        return pos + 1, _need(raw, pos + 1, marker - FIXSTR, what)
    kind = LENGTHS.get(marker)
    if kind is None:
        raise Corrupt(f"byte {pos} of the entry is 0x{marker:02x}, wanted bytes for {what}")
    body_pos = _need(raw, pos + 1, kind.size, what)
    (length,) = kind.unpack_from(raw, pos + 1)
    return body_pos, _need(raw, body_pos, length, what)


def _take_raw(raw: bytes, pos: int) -> Tuple[bytes, int]:
    if raw[pos : pos + 1] == bytes((NIL,)):
        return b"", pos + 1
    begin, end = _raw_bounds(raw, pos, "data")
    return raw[begin:end], end


def pack_raw(data: bytes) -> bytes:
    """As go-msgpack without WriteExt: fixstr, str16 or str32; nil for empty, as Go has it after reading a WAL."""
    return pack_raw_head(len(data)) + data


def pack_raw_head(length: int) -> bytes:
    """What comes before `length` bytes of data; nil for none."""
    if not length:
        return bytes((NIL,))
    if length < FIXSTR_LIMIT:
        return bytes((FIXSTR | length,))
    marker = 0xDA if length < 1 << 16 else 0xDB
    return bytes((marker,)) + LENGTHS[marker].pack(length)


FIELDS: Dict[bytes, Tuple[str, Callable[[bytes, int], Tuple[Any, int]]]] = {
    b"AppendedAt": ("appended_at", _take_time),
    b"Data": ("data", _take_raw),
    b"Extensions": ("extensions", _take_raw),
    b"Index": ("index", _take_uint),
    b"Term": ("term", _take_uint),
    b"Type": ("type", _take_uint),
}
REQUIRED = ("data", "index", "term", "type")


def decode_msgpack(raw: bytes) -> Entry:
    """The entry in a value of raft.db's bucket `logs`; Corrupt when it is anything but one entry in a known form."""
    _need(raw, 0, 1, "a map")
    if not FIXMAP + len(REQUIRED) <= raw[0] <= FIXMAP + len(FIELDS):
        raise Corrupt(f"the entry begins with 0x{raw[0]:02x}, wanted a map of 4 to 6 keys")
    values: Dict[str, Any] = {}
    pos = 1
    for _number in range(raw[0] - FIXMAP):
        begin, end = _raw_bounds(raw, pos, "a key")
        name, take = FIELDS.get(raw[begin : min(end, begin + 16)], ("", _take_uint))
        if not name or name in values:
            problem = f"the known key {name!r} a second time" if name else "an unknown key"
            raise Corrupt(f"byte {pos} of the entry has {problem}")
        values[name], pos = take(raw, end)
    missing = [name for name in REQUIRED if name not in values]
    if missing:
        raise Corrupt("the entry has no {}".format(" and no ".join(missing)))
    return _checked_entry(Entry(**values), raw, pos)


def encode_msgpack(entry: Entry) -> bytes:
    """The value that Nomad would write for this entry: six keys, new time format."""
    return b"".join((
        b"\x86\xaaAppendedAt", _pack_time(entry.appended_at), b"\xa4Data", pack_raw(entry.data),
        b"\xaaExtensions", pack_raw(entry.extensions), b"\xa5Index", pack_uint(entry.index),
        b"\xa4Term", pack_uint(entry.term), b"\xa4Type", pack_uint(entry.type),
    ))  # fmt: skip


def _checked_entry(entry: Entry, raw: bytes, end: int) -> Entry:
    if end != len(raw):
        raise Corrupt(f"{len(raw) - end} bytes follow the entry's end at byte {end}")
    if entry.type > 255:
        raise Corrupt(f"the entry's type is {entry.type}, wanted 0 to 255")
    return entry


# --- binary ----------------------------------------------------------------------------------------------------------


def take_uvarint(raw: bytes, pos: int) -> Tuple[int, int]:
    """The number at `pos`, and the position after it. Go's writer never pads a uvarint, so padding is damage."""
    value = 0
    for number in range(10):
        _need(raw, pos + number, 1, "a number")
        byte = raw[pos + number]
        value |= (byte & 0x7F) << 7 * number
        if byte < 0x80:
            if (byte == 0 and number) or value >= U64_LIMIT:
                break
            return value, pos + number + 1
    raise Corrupt(f"the number at byte {pos} of the entry is overlong or above 64 bits")


def pack_uvarint(value: int) -> bytes:
    """`value` (not negative) in Go's unsigned varint form."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _take_sized(raw: bytes, pos: int, what: str) -> Tuple[bytes, int]:
    length, begin = take_uvarint(raw, pos)
    end = _need(raw, begin, length, what)
    return raw[begin:end], end


def decode_binary(raw: bytes) -> Entry:
    """The entry in the payload of a WAL entry frame; Corrupt when it is anything but one entry."""
    index, pos = take_uvarint(raw, 0)
    term, pos = take_uvarint(raw, pos)
    kind, pos = take_uvarint(raw, pos)
    data, pos = _take_sized(raw, pos, "Data")
    extensions, pos = _take_sized(raw, pos, "Extensions")
    time = parse_marshal(raw, pos, len(raw))
    return _checked_entry(Entry(index, term, kind, data, extensions, time), raw, len(raw))


def encode_binary(entry: Entry) -> bytes:
    """The payload that raft-wal would write for this entry."""
    return b"".join((
        pack_uvarint(entry.index), pack_uvarint(entry.term), pack_uvarint(entry.type),
        pack_uvarint(len(entry.data)), entry.data, pack_uvarint(len(entry.extensions)), entry.extensions,
        pack_marshal(entry.appended_at),
    ))  # fmt: skip


DECODERS: Dict[str, Callable[[bytes], Entry]] = {MSGPACK: decode_msgpack, BINARY: decode_binary}
ENCODERS: Dict[str, Callable[[Entry], bytes]] = {MSGPACK: encode_msgpack, BINARY: encode_binary}


def decode(encoding: str, index: int, raw: bytes) -> Entry:
    """The entry of the record `(index, raw)`; errors name the index, and the index inside must be the same."""
    try:
        entry = DECODERS[encoding](raw)
    except StoreError as error:
        raise type(error)(f"entry {index} is damaged: {error.what}", hint=RESTORE) from error
    if entry.index != index:
        raise Corrupt(f"entry {index} says that its index is {entry.index}", hint=RESTORE)
    return entry
