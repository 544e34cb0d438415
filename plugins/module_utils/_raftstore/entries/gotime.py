# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Go time.Time as the entries carry it: its long form in both encodings, and the short forms of msgpack. Pure.

Long form, Go's Time.MarshalBinary (15 bytes in version 1, 16 in version 2), big-endian:

    0        1                  9            13          15
    +--------+------------------+------------+-----------+-----------------+
    | version| seconds, year 1  | nanoseconds| zone, min | v2: zone, sec   |
    | u8     | i64              | i32        | i16       | i8              |
    +--------+------------------+------------+-----------+-----------------+

A zone of -1 minutes is UTC. Short forms (go-msgpack codec/msgpack.go, EncodeTime), Unix seconds in UTC, by length:
4 bytes u32 s; 8 bytes u64 ns << 34 | s; 12 bytes u32 ns, i64 s. Go's zero time is 0001-01-01T00:00:00Z.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Optional

from ..._disk.errors import Corrupt

GO_EPOCH_S = 62135596800  # seconds from year 1, where Go counts from, to 1970
S_MIN = -(2**63)
S_MAX = 2**63 - 1 - GO_EPOCH_S
NS_LIMIT = 1_000_000_000
UTC_MINUTES = -1

TIME_1 = struct.Struct(">Bqih")  # version, seconds since year 1, ns, zone minutes
TIME_2 = struct.Struct(">Bqihb")  # the same and zone seconds
TIME_32 = struct.Struct(">I")
TIME_64 = struct.Struct(">Q")
TIME_96 = struct.Struct(">Iq")
if (TIME_1.size, TIME_2.size, TIME_32.size, TIME_64.size, TIME_96.size) != (15, 16, 4, 8, 12):
    raise AssertionError("the times have other sizes than Go's")


class GoTime(NamedTuple):
    """Unix seconds (negative before 1970), nanoseconds, and the zone in seconds east of Greenwich (None: UTC)."""

    s: int
    ns: int
    zone: Optional[int] = None

    @property
    def unix_ns(self) -> int:
        """The instant in Unix nanoseconds; 0 for Go's zero time."""
        return 0 if (self.s, self.ns) == (-GO_EPOCH_S, 0) else self.s * NS_LIMIT + self.ns

    def in_utc(self) -> GoTime:
        """The same instant without its zone."""
        return self._replace(zone=None)


ZERO_TIME = GoTime(-GO_EPOCH_S, 0)


def _checked(s: int, ns: int, zone: Optional[int], pos: int) -> GoTime:
    if not S_MIN <= s <= S_MAX:
        raise Corrupt(f"the time at byte {pos} of the entry is out of range: {s} s")
    if not 0 <= ns < NS_LIMIT:
        raise Corrupt(f"the time at byte {pos} of the entry has {ns} nanoseconds; a second has 1000000000")
    return GoTime(s, ns, zone)


def parse_marshal(raw: bytes, pos: int, end: int) -> GoTime:
    """The time in Go's long form that fills raw[pos:end]; Corrupt if it is not one."""
    zone_s = 0
    if end - pos == TIME_1.size:
        version, s, ns, minutes = TIME_1.unpack_from(raw, pos)
    elif end - pos == TIME_2.size:
        version, s, ns, minutes, zone_s = TIME_2.unpack_from(raw, pos)
    else:
        raise Corrupt(f"the time at byte {pos} of the entry has {end - pos} bytes, wanted 15 or 16")
    if version != end - pos - 14:
        raise Corrupt(f"the time at byte {pos} of the entry is of version {version} in {end - pos} bytes")
    if version == 2 and (minutes == UTC_MINUTES or not 0 < abs(zone_s) < 60 or minutes * zone_s < 0):
        raise Corrupt(f"the time at byte {pos} of the entry has an impossible zone: {minutes} min {zone_s} s")
    zone = None if minutes == UTC_MINUTES else minutes * 60 + zone_s
    return _checked(s - GO_EPOCH_S, ns, zone, pos)


def pack_marshal(time: GoTime) -> bytes:
    """The long form, of version 2 only when the zone has seconds."""
    if time.zone is None:
        return TIME_1.pack(1, time.s + GO_EPOCH_S, time.ns, UTC_MINUTES)
    minutes = abs(time.zone) // 60 * (1 if time.zone >= 0 else -1)
    zone_s = time.zone - minutes * 60
    if zone_s:
        return TIME_2.pack(2, time.s + GO_EPOCH_S, time.ns, minutes, zone_s)
    return TIME_1.pack(1, time.s + GO_EPOCH_S, time.ns, minutes)


def parse_short(raw: bytes, pos: int, length: int) -> GoTime:
    """The time in the 4, 8 or 12 bytes at `pos`; Corrupt if it is not one."""
    if length == TIME_96.size:
        ns, s = TIME_96.unpack_from(raw, pos)
    else:
        (both,) = (TIME_32 if length == TIME_32.size else TIME_64).unpack_from(raw, pos)
        ns, s = both >> 34, both & 0x3FFFFFFFF
    return _checked(s, ns, None, pos)


def pack_short(time: GoTime) -> bytes:
    """The shortest of the forms of 4, 8 and 12 bytes; the zone is not kept."""
    if not 0 <= time.s < 2**34:
        return TIME_96.pack(time.ns, time.s)
    both = time.ns << 34 | time.s
    return TIME_64.pack(both) if both >> 32 else TIME_32.pack(both)
