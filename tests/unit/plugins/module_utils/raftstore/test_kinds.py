# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes made by arithmetic are those of what the strict codecs write, for every length and width."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore import kinds
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.entry import Entry, encode_binary, encode_msgpack
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.gotime import GO_EPOCH_S, GoTime
from ansible_collections.raftops.nomad.tests.unit.plugins.module_utils.raftstore import forms

TIME = GoTime(1_800_000_000, 5)
LENGTHS = (0, 1, 31, 32, 127, 128, 16383, 16384, 65535, 65536)


@pytest.mark.parametrize("index", forms.EDGES)
@pytest.mark.parametrize("term", [1, 127, 128, 2**32, forms.U64_MAX])
def test_a_shape_reproduces_what_the_codecs_write(index: int, term: int) -> None:
    kind = kinds.Kind(term, 4, index)
    assert kind.index_min <= index <= kind.index_max
    for length in LENGTHS:
        item = Entry(index, term, 4, b"x" * length, b"", TIME)
        value, payload = encode_msgpack(item), encode_binary(item)
        shape = kind.of_msgpack_len(len(value))
        again = kind.of_binary_len(len(payload))
        assert shape is not None and again is not None
        assert (shape.data_key, shape.data_len) == (again.data_key, again.data_len)
        head, time, data_key, data, index_key, found, tail = shape.unpack_msgpack(value)
        assert (head, data_key, index_key, tail) == (kinds.HEAD, shape.data_key, kind.index_key, kind.tail)
        assert (time, data, found) == (5 << 34 | TIME.s, item.data, index)
        varint, terms, data_len, data, marks, s, ns, zone = shape.unpack_binary(payload)
        assert (terms, data_len, data, marks) == (kind.terms, shape.data_len, item.data, kinds.MARKS)
        assert (s, ns, zone) == (TIME.s + GO_EPOCH_S, 5, -1)
        assert payload.startswith(varint)


def test_lengths_between_two_forms_have_no_shape() -> None:
    kind = kinds.Kind(3, 0, 70_000)
    longest = len(encode_msgpack(Entry(70_000, 3, 0, b"x" * 31, b"", TIME)))
    assert kind.of_msgpack_len(longest) and kind.of_msgpack_len(longest + 3)
    assert kind.of_msgpack_len(longest + 1) is None and kind.of_msgpack_len(5) is None
    assert kind.of_binary_len(3) is None


def test_the_edges_of_a_kind_are_where_an_encoding_of_the_index_becomes_longer() -> None:
    for edge in (2**7, 2**8, 2**14, 2**16, 2**21, 2**28, 2**32, 2**35, 2**63):
        assert kinds.Kind(3, 0, edge - 1).index_max == edge - 1
        assert kinds.Kind(3, 0, edge).index_min == edge


def test_terms_of_equal_widths_share_their_shapes() -> None:
    assert kinds.Kind(3, 0, 70_000).shapes is kinds.Kind(4, 1, 70_001).shapes
    assert kinds.Kind(3, 0, 70_000).shapes is not kinds.Kind(300, 0, 70_000).shapes


def test_the_memory_for_shapes_is_bounded() -> None:
    for term in (1, 1 << 8, 1 << 16):
        kind = kinds.Kind(term, 0, 70_000)
        for length in range(kinds.SHAPES_MAX // 2):
            kind.of_msgpack_len(length + 100)
        assert kinds.shape_count() <= kinds.SHAPES_MAX
    for index in forms.EDGES:
        for term in forms.EDGES:
            kinds.Kind(term, 0, index).of_msgpack_len(500)
    assert len(kinds._SHAPES) <= kinds.WIDTHS_MAX + 1
