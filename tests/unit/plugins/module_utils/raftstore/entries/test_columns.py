# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is converted by columns is what the strict codecs give; nothing else is ever converted."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any, List, Optional

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Batch, Rows
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import columns, entry, transcode
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.entry import Entry
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.gotime import GoTime
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stores import forms

BOTH = pytest.mark.parametrize("source", ["msgpack", "binary"])
LENGTHS = (0, 1, 31, 32, 127, 128, 16383, 16384, 65535, 65536)


def framed(encoding: str, first: int, raws: List[bytes]) -> bytes:
    """The entries as their store has them side by side: behind their keys, or in frames."""
    if encoding == "msgpack":
        return b"".join(struct.pack(">Q", index) + raw for index, raw in enumerate(raws, first))
    return b"".join(struct.pack("<II", 1, len(raw)) + raw + bytes(-len(raw) % 8) for raw in raws)


def as_rows(encoding: str, first: int, raws: List[bytes]) -> Rows:
    buf = framed(encoding, first, raws)
    return Rows(first, len(raws), b"before" + buf + b"behind", 14, len(buf) // len(raws), len(raws[0]))


def strictly(source: str, batch: Batch) -> Optional[List[bytes]]:
    try:
        return [transcode.ENCODE[transcode.OTHER[source]](entry.decode(source, *record)) for record in batch.records()]
    except StoreError:
        return None


def compare(source: str, first: int, raws: List[bytes], by_rows: bool = True) -> None:
    """Neither way of the columns says anything else than the strict codecs."""
    wanted = strictly(source, Batch(first, raws))
    made = columns.convert_batch(source, Batch(first, raws))
    assert made is None or (made.first_index, made.raws) == (first, wanted)
    if by_rows and len(set(map(len, raws))) == 1:
        rows = columns.convert_rows(source, as_rows(source, first, raws))
        assert rows is None or (rows.first_index, rows.raws) == (first, wanted)
        assert rows is None or rows.framed == framed(transcode.OTHER[source], first, rows.raws)


def alike(first: int, count: int, term: int = 7, length: int = 20, s: int = 1_800_000_000) -> List[Entry]:
    """What Nomad writes: times and data differ, the term and the type now and then."""
    return [
        Entry(first + n, term + n // 9, n % 5, bytes((n & 255,)) * length, b"", GoTime(s + n, 999_999_999 - n))
        for n in range(count)
    ]


@BOTH
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("first", [1, 200, 300, 20_000, 70_000, 2**21, 2**28, 2**32, 2**62])
def test_what_nomad_writes_is_converted(source: str, length: int, first: int) -> None:
    made = alike(first, 20, length=length)
    raws = [transcode.ENCODE[source](item) for item in made]
    wanted = [transcode.ENCODE[transcode.OTHER[source]](item) for item in made]
    rows = columns.convert_rows(source, as_rows(source, first, raws))
    assert rows is not None and rows.raws == wanted
    assert rows.framed == framed(transcode.OTHER[source], first, wanted)
    batch = columns.convert_batch(source, Batch(first, raws))
    assert batch is not None and batch.raws == wanted


@BOTH
@pytest.mark.parametrize("term", [1, 100, 128, 240, 256, 16_300, 16_384, 65_536, 2**21, 2**32, 2**62])
def test_terms_of_every_width_are_converted(source: str, term: int) -> None:
    made = alike(70_000, 20, term=term)
    raws = [transcode.ENCODE[source](item) for item in made]
    rows = columns.convert_rows(source, as_rows(source, 70_000, raws))
    assert rows is not None and rows.raws == [transcode.ENCODE[transcode.OTHER[source]](item) for item in made]


@BOTH
def test_entries_of_many_lengths_are_converted(source: str) -> None:
    made = [replace(item, data=b"x" * LENGTHS[n % 10]) for n, item in enumerate(alike(70_000, 50))]
    batch = columns.convert_batch(source, Batch(70_000, [transcode.ENCODE[source](item) for item in made]))
    assert batch is not None
    assert batch.raws == [transcode.ENCODE[transcode.OTHER[source]](item) for item in made]


def test_no_data_may_be_nil_or_empty() -> None:
    made = [replace(item, data=b"") for item in alike(70_000, 9)]
    raws = [entry.encode_msgpack(item) for item in made]
    raws[4] = raws[4].replace(b"\xa4Data\xc0", b"\xa4Data\xa0")
    batch = columns.convert_batch("msgpack", Batch(70_000, raws))
    assert batch is not None and batch.raws == [entry.encode_binary(item) for item in made]


@BOTH
@pytest.mark.parametrize("edge", [128, 256, 16_384, 65_536, 2**21, 2**28, 2**32, 2**63])
def test_where_an_index_becomes_longer_nothing_is_said(source: str, edge: int) -> None:
    raws = [transcode.ENCODE[source](item) for item in alike(edge - 5, 10)]
    compare(source, edge - 5, raws)
    assert columns.convert_batch(source, Batch(edge - 5, raws)) is None
    compare(source, edge - 5, raws[:5])
    assert columns.convert_batch(source, Batch(edge - 5, raws[:5])) is not None


@BOTH
@pytest.mark.parametrize("place", [0, 3, 7])
@pytest.mark.parametrize("length", [3, 40])
def test_every_flipped_bit_of_an_entry(source: str, place: int, length: int) -> None:
    raws = [transcode.ENCODE[source](item) for item in alike(70_000, 8, length=length)]
    for bit in range(8 * len(raws[place])):
        flipped = bytearray(raws[place])
        flipped[bit // 8] ^= 1 << bit % 8
        compare(source, 70_000, [*raws[:place], bytes(flipped), *raws[place + 1 :]])


@BOTH
@pytest.mark.parametrize(
    "change",
    [
        {"index": 70_002}, {"term": 130}, {"term": 1 << 40}, {"type": 128}, {"extensions": b"e"},
        {"appended_at": GoTime(2**32 - 1, 0)}, {"appended_at": GoTime(2**34, 5)}, {"appended_at": GoTime(-1, 5)},
        {"appended_at": GoTime(9, 9, 3600)}, {"appended_at": GoTime(9, 9, 3601)}, {"data": b"longer than others"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 4])
def test_entries_of_another_form(source: str, change: Any, place: int) -> None:
    made = alike(70_000, 9, length=5)
    made[place] = replace(made[place], **change)
    compare(source, 70_000, [transcode.ENCODE[source](item) for item in made])
    compare(source, 70_000, [transcode.ENCODE[source](replace(item, **change)) for item in made])


@settings(max_examples=150, deadline=None)
@given(forms.families(), st.data())
def test_every_kind_of_damage(family: List[Entry], data: Any) -> None:
    for source in ("msgpack", "binary"):
        raws = [transcode.ENCODE[source](item) for item in family]
        compare(source, family[0].index, raws)
        place = data.draw(st.integers(0, len(raws) - 1))
        raw = bytearray(raws[place])
        start = data.draw(st.integers(0, len(raw) - 1))
        raw[start : start + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        raws[place] = bytes(raw)
        compare(source, family[0].index, raws)


@settings(max_examples=100, deadline=None)
@given(st.lists(forms.stored(), min_size=1, max_size=3), st.integers(0, 2))
def test_every_form_that_raft_db_may_have(pairs: Any, ahead: int) -> None:
    first = min(max(pairs[0][0].index, 1), (1 << 64) - len(pairs))  # keys have eight bytes
    ahead = min(ahead, first - 1)
    common = [entry.encode_msgpack(item) for item in alike(first - ahead, ahead)]
    compare("msgpack", first - ahead, [*common, *(value for _item, value in pairs)])


def test_damage_of_the_first_entry_is_left_to_the_strict_codecs() -> None:
    raws = [entry.encode_msgpack(item) for item in alike(9, 20)]
    raws[0] = b"\x86damaged"
    assert columns.convert_batch("msgpack", Batch(9, raws)) is None
