# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries for property tests, and the forms in which raft.db may hold them, made with the PyPI library msgpack."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any, Dict, List, Tuple

import msgpack
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.entry import Entry
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.gotime import (
    GO_EPOCH_S,
    ZERO_TIME,
    GoTime,
)
from hypothesis import strategies as st

U64_MAX = 2**64 - 1
TIME_CODE = 0  # stands for -1, which msgpack keeps for itself
EDGES = (1, 127, 128, 255, 256, 16383, 16384, 65535, 65536, 2**28, 2**32 - 1, 2**32, 2**63 - 1, 2**63, U64_MAX)


def numbers(low: int = 0) -> st.SearchStrategy[int]:
    """Unsigned 64-bit numbers, often at the edges of an encoding."""
    return st.one_of(st.sampled_from(EDGES), st.integers(low, 300), st.integers(low, U64_MAX))


def zones() -> st.SearchStrategy[Any]:
    """What Go can keep as a zone: UTC, whole minutes, and seconds of the same sign (never minus one minute)."""
    minutes = st.integers(-720, 840).filter(lambda value: value != -1)
    whole = minutes.map(lambda value: value * 60)
    odd = st.tuples(st.integers(0, 840), st.integers(1, 59)).map(lambda pair: pair[0] * 60 + pair[1])
    west = odd.filter(lambda value: not 60 <= value < 120).map(lambda value: -value)
    return st.one_of(st.none(), whole, odd, west)


def times() -> st.SearchStrategy[GoTime]:
    """Times of all ranges: today's, Go's zero, before 1970, beyond the 34 bits of the short form."""
    seconds = st.one_of(
        st.integers(1_700_000_000, 1_900_000_000),
        st.sampled_from((0, 1, 2**32 - 1, 2**32, 2**34 - 1, 2**34, -1)),
        st.integers(-(2**63), 2**63 - 1 - GO_EPOCH_S),
    )
    nanoseconds = st.one_of(st.sampled_from((0, 1, 999_999_999)), st.integers(0, 999_999_999))
    return st.one_of(st.just(ZERO_TIME), st.builds(GoTime, seconds, nanoseconds, zones()))


def blobs() -> st.SearchStrategy[bytes]:
    """Bytes, often as long as where msgpack changes its length field."""
    lengths = st.sampled_from((0, 1, 31, 32, 127, 128, 255, 256, 65535, 65536))
    return st.one_of(st.binary(max_size=40), st.binary(max_size=40), lengths.map(bytes))


def entries() -> st.SearchStrategy[Entry]:
    """Any entry."""
    extensions = st.one_of(st.just(b""), st.just(b""), blobs())
    return st.builds(Entry, numbers(1), numbers(), st.integers(0, 255), blobs(), extensions, times())


def long_time(time: GoTime) -> bytes:
    """Go's Time.MarshalBinary, written down from Go's documentation of it."""
    if time.zone is None:
        return struct.pack(">Bqih", 1, time.s + GO_EPOCH_S, time.ns, -1)
    sign = -1 if time.zone < 0 else 1
    minutes, seconds = divmod(abs(time.zone), 60)
    if seconds:
        return struct.pack(">Bqihb", 2, time.s + GO_EPOCH_S, time.ns, sign * minutes, sign * seconds)
    return struct.pack(">Bqih", 1, time.s + GO_EPOCH_S, time.ns, sign * minutes)


def short_times(time: GoTime) -> List[bytes]:
    """All short forms that can hold the instant."""
    found = [struct.pack(">Iq", time.ns, time.s)]
    if 0 <= time.s < 2**34:
        found.append(struct.pack(">Q", time.ns << 34 | time.s))
    if 0 <= time.s < 2**32 and time.ns == 0:
        found.append(struct.pack(">I", time.s))
    return found


@st.composite
def stored(draw: Any) -> Tuple[Entry, bytes]:
    """An entry and one of the values that raft.db may hold it as: old and new, 4 to 6 keys, nil, str and bin."""
    entry = draw(entries())
    use_bin = draw(st.booleans())
    values: Dict[bytes, Any] = {b"Index": entry.index, b"Term": entry.term, b"Type": entry.type}
    values[b"Data"] = entry.data if entry.data or draw(st.booleans()) else None
    if entry.extensions or draw(st.booleans()):
        values[b"Extensions"] = entry.extensions if entry.extensions or draw(st.booleans()) else None
    time = entry.appended_at
    kinds = ["absent", "nil"] if time == ZERO_TIME else []
    if time.zone is None:
        kinds += ["short", "extension"]
    if not use_bin:
        kinds.append("long")
    if not kinds:  # a zone, but no long form: not an entry that anybody could have stored
        entry = replace(entry, appended_at=time.in_utc())
        kinds = ["short"]
    kind = draw(st.sampled_from(kinds))
    if kind != "absent":
        short = draw(st.sampled_from(short_times(time)))
        raw = {"nil": None, "long": long_time(time), "short": short, "extension": msgpack.ExtType(TIME_CODE, short)}
        values[b"AppendedAt"] = raw[kind]
    return entry, pack(values, use_bin)


def pack(values: Dict[bytes, Any], use_bin: bool = False) -> bytes:
    """A map with its keys sorted, as go-msgpack writes it; with use_bin, values as the newer msgpack has them."""
    keys = msgpack.Packer(use_bin_type=False)
    packer = msgpack.Packer(use_bin_type=use_bin)
    out = bytes((0x80 | len(values),))
    for key in sorted(values):
        value = values[key]
        if isinstance(value, msgpack.ExtType):
            head = {4: b"\xd6\xff", 8: b"\xd7\xff", 12: b"\xc7\x0c\xff"}[len(value.data)]
            out += keys.pack(key) + head + value.data
        else:
            out += keys.pack(key) + packer.pack(value)
    return out


@st.composite
def families(draw: Any) -> List[Entry]:
    """Entries that Nomad could have written one after the other: mostly of one shape, across an edge of the index."""
    first = max(1, draw(st.sampled_from(EDGES)) - draw(st.integers(0, 3)))
    length = draw(st.sampled_from((0, 3, 31, 32, 200, 65535, 65536)))
    term = draw(numbers())
    kind = draw(st.integers(0, 255))
    made = []
    for number in range(6):
        time = draw(st.one_of(times(), st.just(GoTime(1_800_000_000, 5 * number))))
        data = draw(st.binary(min_size=4, max_size=4)) * (length // 4 + 1)
        made.append(Entry(first + number, term, kind, data[:length], b"", time))
    return [item for item in made if item.index <= U64_MAX]
