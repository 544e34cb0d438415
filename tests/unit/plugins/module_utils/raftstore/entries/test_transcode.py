# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fast path gives what the strict codecs give, on entries of every form and on damaged ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, List, Tuple

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Batch, Rows
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import entry, transcode
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.entry import Entry
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.gotime import GoTime
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stores import forms


def strictly(source: str, target: str, batch: Batch) -> List[bytes]:
    return [entry.ENCODERS[target](entry.decode(source, *record)) for record in batch.records()]


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns, or what it says when it refuses."""
    try:
        return call()
    except StoreError as error:
        return type(error), error.what


def same_as_strict(source: str, target: str, batch: Batch) -> None:
    """Bytes and refusals are equal."""
    strict = outcome(lambda: strictly(source, target, batch))
    assert outcome(lambda: transcode.transcode(source, target, batch).raws) == strict


@settings(max_examples=60, deadline=None)
@given(forms.families())
def test_families_of_one_shape(family: List[Entry]) -> None:
    first = family[0].index
    same_as_strict("msgpack", "binary", Batch(first, [entry.encode_msgpack(item) for item in family]))
    same_as_strict("binary", "msgpack", Batch(first, [entry.encode_binary(item) for item in family]))


@settings(max_examples=60, deadline=None)
@given(st.lists(forms.families(), max_size=3), st.data())
def test_families_among_each_other(several: List[List[Entry]], data: Any) -> None:
    """Terms, types, lengths and forms that change all the time, over the edges of the index."""
    mixed = data.draw(st.permutations([item for family in several for item in family]))
    first = max(1, data.draw(st.sampled_from(forms.EDGES)) - len(mixed))
    items = [replace(item, index=index) for index, item in enumerate(mixed, first)]
    same_as_strict("msgpack", "binary", Batch(first, [entry.encode_msgpack(item) for item in items]))
    same_as_strict("binary", "msgpack", Batch(first, [entry.encode_binary(item) for item in items]))


@settings(max_examples=100, deadline=None)
@given(forms.stored())
def test_every_form(pair: Tuple[Entry, bytes]) -> None:
    item, value = pair
    same_as_strict("msgpack", "binary", Batch(item.index, [value]))
    same_as_strict("binary", "msgpack", Batch(item.index, [entry.encode_binary(item)]))


@settings(max_examples=100, deadline=None)
@given(forms.families(), st.data())
def test_every_kind_of_damage_among_entries_of_a_known_shape(family: List[Entry], data: Any) -> None:
    for source, target in (("msgpack", "binary"), ("binary", "msgpack")):
        raws = [entry.ENCODERS[source](item) for item in family]
        place = data.draw(st.integers(0, len(raws) - 1))
        raw = bytearray(raws[place])
        start = data.draw(st.integers(0, len(raw) - 1))
        raw[start : start + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        raws[place] = bytes(raw)
        same_as_strict(source, target, Batch(family[0].index, raws))


@pytest.mark.parametrize(("source", "target"), [("msgpack", "binary"), ("binary", "msgpack")])
@pytest.mark.parametrize("index", [1, 200, 70000, 2**33])
def test_every_bit_flip_in_an_entry_whose_shape_is_known(source: str, target: str, index: int) -> None:
    time = GoTime(1_800_000_000, 999_999_999)
    known = Entry(index, 7, 0, b"some data", b"", time)
    assert transcode.transcode(source, target, Batch(index, [entry.ENCODERS[source](known)])).raws
    raw = entry.ENCODERS[source](replace(known, data=b"more data"))
    for bit in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        same_as_strict(source, target, Batch(index, [bytes(flipped)]))


def test_a_refusal_names_the_entry() -> None:
    good = Entry(9, 1, 0, b"data", b"", GoTime(1_800_000_000, 5))
    raw = entry.encode_msgpack(good)
    with pytest.raises(Corrupt, match="entry 10 says that its index is 9"):
        transcode.transcode("msgpack", "binary", Batch(9, [raw, raw]))


@pytest.mark.parametrize("first", [100, 16_300, 65_500, 2**21 - 40, 2**32 - 40])
@pytest.mark.parametrize("odd", [[], [0], [500], [999], [3, 4, 700]])
def test_only_what_is_near_an_entry_of_another_form_is_looked_at_strictly(
    monkeypatch: pytest.MonkeyPatch, first: int, odd: List[int]
) -> None:
    made = [Entry(first + n, 3, 0, b"x" * (n * 7 % 300), b"", GoTime(1_800_000_000 + n, n + 1)) for n in range(1000)]
    for number in odd:
        made[number] = replace(made[number], extensions=b"odd")
    values = Batch(first, [entry.encode_msgpack(item) for item in made])
    payloads = Batch(first, [entry.encode_binary(item) for item in made])
    strictly_done: List[int] = []
    decode = entry.decode
    monkeypatch.setattr(
        transcode, "decode", lambda source, index, raw: strictly_done.append(index) or decode(source, index, raw)
    )
    assert transcode.transcode("msgpack", "binary", values) == payloads
    assert transcode.transcode("binary", "msgpack", payloads) == values
    edges = 2  # of the index, that a thousand entries can cross: the halves on both sides are of one form
    assert len(strictly_done) <= 2 * transcode.HALVES_MIN * (len(odd) + edges)


def test_rows_that_are_not_of_one_form_are_taken_one_by_one() -> None:
    made = [Entry(9 + n, 3, 0, b"data", b"e", GoTime(1_800_000_000, 5)) for n in range(40)]
    values = [entry.encode_msgpack(item) for item in made]
    buf = b"".join(bytes(8) + value for value in values)
    rows = Rows(9, 40, buf, 8, 8 + len(values[0]), len(values[0]))
    assert transcode.transcode("msgpack", "binary", rows).raws == [entry.encode_binary(item) for item in made]


def test_the_same_encoding_is_left_alone() -> None:
    batch = Batch(1, [b"anything"])
    assert transcode.transcode("binary", "binary", batch) is batch
