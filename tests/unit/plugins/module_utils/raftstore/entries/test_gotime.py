# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go's times: against vectors that Go wrote, and against Python's own calendar."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import gotime
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.gotime import ZERO_TIME, GoTime
from hypothesis import given, settings
from support.stores import forms

GO_ZERO = bytes.fromhex("01" + "00" * 12 + "ffff")  # go-msgpack codec/internal/testdata
GO_WROTE = bytes.fromhex("010000000ee0e92ca5287735f2ffff")


def parse(raw: bytes) -> GoTime:
    """Parse a long time that stands between foreign bytes."""
    return gotime.parse_marshal(b"\xff\xff" + raw + b"\xff", 2, 2 + len(raw))


def test_the_zero_time_of_go() -> None:
    assert parse(GO_ZERO) == ZERO_TIME
    assert gotime.pack_marshal(ZERO_TIME) == GO_ZERO
    assert ZERO_TIME.unix_ns == 0


def test_a_time_that_go_wrote() -> None:
    time = parse(GO_WROTE)
    wanted = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert (time.s, time.ns, time.zone) == (int(wanted.timestamp()), 678901234, None)
    assert time.unix_ns == 1767323045678901234


def test_zones_are_seconds_east() -> None:
    india = datetime(2026, 1, 2, 8, 34, 5, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    raw = struct.pack(">Bqih", 1, gotime.GO_EPOCH_S + int(india.timestamp()), 0, 330)
    assert parse(raw) == GoTime(int(india.timestamp()), 0, 19800)
    assert parse(struct.pack(">Bqihb", 2, gotime.GO_EPOCH_S, 0, -4, -2)) == GoTime(0, 0, -242)


@settings(max_examples=300, deadline=None)
@given(forms.times())
def test_the_long_form_is_what_go_documents(time: GoTime) -> None:
    raw = gotime.pack_marshal(time)
    assert raw == forms.long_time(time)
    assert parse(raw) == time


@settings(max_examples=300, deadline=None)
@given(forms.times())
def test_short_forms_keep_the_instant_and_the_shortest_is_written(time: GoTime) -> None:
    for raw in forms.short_times(time):
        assert gotime.parse_short(b"\xff" + raw + b"\xff", 1, len(raw)) == time.in_utc()
    assert gotime.pack_short(time) == forms.short_times(time)[-1]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (GO_ZERO[:-1], "14 bytes"),
        (GO_ZERO + b"\0\0", "17 bytes"),
        (b"\2" + GO_ZERO[1:], "version 2 in 15 bytes"),
        (b"\1" + GO_ZERO[1:] + b"\1", "version 1 in 16 bytes"),
        (struct.pack(">Bqih", 1, 0, 1_000_000_000, -1), "1000000000 nanoseconds"),
        (struct.pack(">Bqih", 1, 0, -1, -1), "-1 nanoseconds"),
        (struct.pack(">Bqih", 1, -(2**63), 0, -1), "out of range"),
        (struct.pack(">Bqihb", 2, 0, 0, -1, -5), "impossible zone"),
        (struct.pack(">Bqihb", 2, 0, 0, 5, 0), "impossible zone"),
        (struct.pack(">Bqihb", 2, 0, 0, 5, 60), "impossible zone"),
        (struct.pack(">Bqihb", 2, 0, 0, 5, -5), "impossible zone"),
    ],
)
def test_impossible_times_are_refused(raw: bytes, problem: str) -> None:
    with pytest.raises(Corrupt, match=problem):
        parse(raw)


def test_a_short_time_of_too_many_nanoseconds_is_refused() -> None:
    with pytest.raises(Corrupt, match="1000000000 nanoseconds"):
        gotime.parse_short(struct.pack(">Q", 1_000_000_000 << 34), 0, 8)
    with pytest.raises(Corrupt, match="out of range"):
        gotime.parse_short(struct.pack(">Iq", 0, 2**63 - 1), 0, 12)
