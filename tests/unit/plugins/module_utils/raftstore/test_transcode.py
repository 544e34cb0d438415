# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fast path gives what the strict codecs give, on entries of every form and on damaged ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, List, Tuple

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore import entry, transcode
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.entry import Entry
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.errors import Corrupt, StoreError
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.gotime import GoTime
from ansible_collections.raftops.nomad.tests.unit.plugins.module_utils.raftstore import forms
from hypothesis import given, settings
from hypothesis import strategies as st

Record = Tuple[int, bytes]


def strictly(source: str, target: str) -> Callable[[Record], bytes]:
    return lambda record: entry.ENCODERS[target](entry.decode(source, *record))


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns, or what it says when it refuses."""
    try:
        return call()
    except StoreError as error:
        return type(error), error.what


def same_as_strict(source: str, target: str, records: List[Record]) -> None:
    """Each record alone and all together: bytes and refusals are equal."""
    fast = outcome(lambda: transcode.transcode(source, target, records))
    strict = outcome(lambda: [(record[0], strictly(source, target)(record)) for record in records])
    assert fast == strict


@st.composite
def families(draw: Any) -> List[Entry]:
    """Entries that Nomad could have written one after the other: mostly of one shape, across an edge of the index."""
    first = max(1, draw(st.sampled_from(forms.EDGES)) - draw(st.integers(0, 3)))
    length = draw(st.sampled_from((0, 3, 31, 32, 200, 65535, 65536)))
    term = draw(forms.numbers())
    kind = draw(st.integers(0, 255))
    made = []
    for number in range(6):
        time = draw(st.one_of(forms.times(), st.just(GoTime(1_800_000_000, 5 * number))))
        data = draw(st.binary(min_size=4, max_size=4)) * (length // 4 + 1)
        made.append(Entry(min(first + number, forms.U64_MAX), term, kind, data[:length], b"", time))
    return made


@settings(max_examples=60, deadline=None)
@given(families())
def test_families_of_one_shape(family: List[Entry]) -> None:
    same_as_strict("msgpack", "binary", [(item.index, entry.encode_msgpack(item)) for item in family])
    same_as_strict("binary", "msgpack", [(item.index, entry.encode_binary(item)) for item in family])


@settings(max_examples=60, deadline=None)
@given(st.lists(forms.stored(), max_size=4))
def test_every_form(pairs: List[Tuple[Entry, bytes]]) -> None:
    same_as_strict("msgpack", "binary", [(item.index, value) for item, value in pairs])
    same_as_strict("binary", "msgpack", [(item.index, entry.encode_binary(item)) for item, _value in pairs])


@pytest.mark.parametrize(("source", "target"), [("msgpack", "binary"), ("binary", "msgpack")])
@pytest.mark.parametrize("index", [1, 200, 70000, 2**33])
def test_every_bit_flip_in_an_entry_whose_shape_is_known(source: str, target: str, index: int) -> None:
    time = GoTime(1_800_000_000, 999_999_999)
    known = Entry(index, 7, 0, b"some data", b"", time)
    assert transcode.transcode(source, target, [(index, entry.ENCODERS[source](known))])
    raw = entry.ENCODERS[source](replace(known, data=b"more data"))
    for bit in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        same_as_strict(source, target, [(index, bytes(flipped))])


def test_a_refusal_names_the_entry() -> None:
    good = Entry(9, 1, 0, b"data", b"", GoTime(1_800_000_000, 5))
    raw = entry.encode_msgpack(good)
    with pytest.raises(Corrupt, match="entry 10 says that its index is 9"):
        transcode.transcode("msgpack", "binary", [(9, raw), (10, raw)])


def test_the_common_shape_takes_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [
        (index, entry.encode_msgpack(Entry(index, 3, 0, b"x" * 200, b"", GoTime(1_800_000_000 + index, index))))
        for index in range(70_000, 70_600)
    ]
    first = transcode.transcode("msgpack", "binary", records[:1])
    monkeypatch.setattr(transcode, "decode", None)  # the strict codecs are out of reach now
    payloads = transcode.transcode("msgpack", "binary", records)
    assert payloads[0] == first[0]
    assert transcode.transcode("binary", "msgpack", payloads) == records


def test_the_same_encoding_is_left_alone() -> None:
    records = [(1, b"anything")]
    assert transcode.transcode("binary", "binary", records) is records


def test_the_caches_stay_small() -> None:
    for length in range(transcode.SHAPES_MAX + 10):
        item = Entry(1, 1, 0, b"x" * length, b"", GoTime(1_800_000_000, 5))
        transcode.transcode("msgpack", "binary", [(1, entry.encode_msgpack(item))])
    assert len(transcode._BY_MSGPACK_LEN) <= transcode.SHAPES_MAX
