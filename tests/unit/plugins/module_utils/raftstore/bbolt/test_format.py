# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records and pages of bbolt: bytes that bbolt wrote, foreign bytes around them, and a table of damages."""

from __future__ import annotations

import re
import struct

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, Unsupported
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt import format as bbolt
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt.format import Meta
from support.stores.bboltimage import branch_body, leaf_body

# Page 1 of a file of four-kilobyte pages, as bbolt wrote it.
GOLDEN_META = bytes.fromhex(
    "01000000000000000400000000000000"
    "edda0ced0200000000100000000000000200000000000000000000000000000003000000000000000600000000000000"
    "07000000000000008b33d9ca06db4ec2"
)


def resealed(offset, code, value):
    """The golden meta with one field changed and the checksum made right."""
    page = bytearray(GOLDEN_META)
    struct.pack_into("<" + code, page, 16 + offset, value)
    struct.pack_into("<Q", page, 72, bbolt.fnv1a64(bytes(page[16:72])))
    return bytes(page)


class TestMeta:
    def test_what_bbolt_wrote(self):
        assert bbolt.parse_meta(GOLDEN_META) == Meta(4096, root_id=2, freelist_id=3, high_water=6, txid=7)
        assert bbolt.render_meta(bbolt.parse_meta(GOLDEN_META), 1) == GOLDEN_META.ljust(4096, b"\0")

    def test_every_field_is_where_the_format_table_says(self):
        """The module's table is executed: each field of the example is read at the offset and size given there."""
        rows = re.findall(r"^ +(?:meta)? +(\d+) +(4|8) (\w+) ", table_of("meta", "leaf element"), re.M)
        fields = {name: int.from_bytes(at(GOLDEN_META, 16, row), "little") for *row, name in rows}
        assert fields == {
            "magic": 0xED0CDAED,
            "version": 2,
            "page_size": 4096,
            "flags": 0,
            "root": 2,
            "sequence": 0,
            "freelist": 3,
            "high_water": 6,
            "txid": 7,
            "checksum": 0xC24EDB06CAD9338B,
        }

    def test_the_example_in_the_docstring_is_that_page(self):
        example = bbolt.__doc__[bbolt.__doc__.index("Example, page 1") :]
        quoted = re.findall(r"`([0-9a-f ]+)`", example)
        assert bytes.fromhex("".join(quoted).replace(" ", "")) == GOLDEN_META

    def test_no_single_bit_can_flip(self):
        for bit in range(64 * 8):
            page = bytearray(GOLDEN_META)
            page[16 + bit // 8] ^= 1 << bit % 8
            with pytest.raises(Corrupt) as caught:
                bbolt.parse_meta(bytes(page))
            assert caught.value.offset == 16

    @pytest.mark.parametrize("length", [0, 15, 16, 79])
    def test_cut_short(self, length):
        with pytest.raises(Corrupt, match=f"ends within a meta page, after {length} bytes"):
            bbolt.parse_meta(GOLDEN_META[:length])

    @pytest.mark.parametrize(
        ("offset", "code", "value"), [(12, "I", 1), (8, "I", 512), (8, "I", 3000), (8, "I", 1 << 25), (8, "I", 0)]
    )
    def test_valid_but_unknown(self, offset, code, value):
        with pytest.raises(Unsupported, match="unknown kind of bbolt file"):
            bbolt.parse_meta(resealed(offset, code, value))


def table_of(first, last):
    """The lines of the format table from one record to the next."""
    lines = bbolt.__doc__.splitlines()
    start = next(number for number, line in enumerate(lines) if re.match(rf"    {first} +0 ", line))
    stop = next(number for number, line in enumerate(lines) if re.match(rf"    {last} +0 ", line))
    return "\n".join(lines[start:stop])


def at(data, base, row):
    """The bytes that a row (offset, size) of the table means."""
    offset, size = map(int, row)
    return data[base + offset : base + offset + size]


LEAF_ITEMS = [(0, b"a", b"one"), (1, b"bb", b""), (0, b"bc", b"\x00" * 40)]
BRANCH_ITEMS = [(b"a", 7), (b"bb", 1 << 40), (b"c" * 9, 9)]
BEFORE, AFTER = b"\xa5" * 24, b"\x5a" * 11


def leaf_page():
    return struct.pack("<QHHI", 5, 2, 3, 0) + leaf_body(LEAF_ITEMS)


def branch_page():
    return struct.pack("<QHHI", 6, 1, 3, 0) + branch_body(BRANCH_ITEMS)


class TestPages:
    def test_leaf_with_foreign_bytes_around_it(self):
        page = leaf_page()
        buf = BEFORE + page + AFTER
        elements = bbolt.parse_leaf(buf, len(BEFORE), len(BEFORE) + len(page))
        assert [(e.is_bucket, e.key, buf[e.value_pos : e.value_pos + e.value_len]) for e in elements] == [
            (bool(flags), key, value) for flags, key, value in LEAF_ITEMS
        ]
        assert bbolt.render_leaf(5, LEAF_ITEMS) == page
        assert bbolt.leaf_len(LEAF_ITEMS) == len(page)

    def test_branch_with_foreign_bytes_around_it(self):
        page = branch_page()
        assert bbolt.parse_branch(BEFORE + page + AFTER, len(BEFORE), len(BEFORE) + len(page)) == BRANCH_ITEMS
        assert bbolt.render_branch(6, BRANCH_ITEMS) == page
        assert bbolt.branch_len(BRANCH_ITEMS) == len(page)

    def test_leaf_without_elements(self):
        page = struct.pack("<QHHI", 5, 2, 0, 0)
        assert bbolt.parse_leaf(page, 0, 16) == []
        assert bbolt.render_leaf(5, []) == page

    def test_element_fields_are_where_the_format_table_says(self):
        page = leaf_page()
        rows = re.findall(r"^ +(?:leaf element)? +(\d+) +(4) (\w+) ", table_of("leaf element", "branch element"), re.M)
        fields = {name: int.from_bytes(at(page, 16 + 16, row), "little") for *row, name in rows}
        assert fields == {"flags": 1, "pos": 16 * 2 + 1 + 3, "ksize": 2, "vsize": 0}

    @pytest.mark.parametrize(
        ("pos", "code", "value", "match", "offset"),
        [
            (10, "H", 4000, "table of 4000 elements does not fit", 0),
            (16, "I", 2, "unknown element flags 0x2", 16),
            (20, "I", 47, "a key 47 bytes from its element, wanted 48", 16),
            (36, "I", 37, "a key 37 bytes from its element, wanted 36", 32),
            (24, "I", 0, "a key of 0 bytes", 16),
            (28, "I", 2, "a key 36 bytes from its element, wanted 35", 32),
            (40, "I", 1, "a key 22 bytes from its element, wanted 21", 48),
            (60, "I", 41, "run past the end of the page", 48),
            (60, "I", 0xFFFFFFFF, "run past the end of the page", 48),
            (56, "I", 0xFFFFFFFF, "run past the end of the page", 48),
        ],
    )
    def test_damaged_leaf(self, pos, code, value, match, offset):
        page = bytearray(leaf_page())
        struct.pack_into("<" + code, page, pos, value)
        with pytest.raises(Corrupt, match=match) as caught:
            bbolt.parse_leaf(BEFORE + bytes(page) + AFTER, len(BEFORE), len(BEFORE) + len(page))
        assert caught.value.offset == len(BEFORE) + offset

    @pytest.mark.parametrize(
        ("pos", "code", "value", "match", "offset"),
        [
            (10, "H", 0, "branch page without children", 0),
            (10, "H", 2, "a key 48 bytes from its element, wanted 32", 16),
            (10, "H", 300, "table of 300 elements", 0),
            (16, "I", 49, "a key 49 bytes from its element, wanted 48", 16),
            (20, "I", 0, "a key of 0 bytes", 16),
            (20, "I", 2, "a key 33 bytes from its element, wanted 34", 32),
            (52, "I", 10, "a key of 10 bytes runs past the end", 48),
            (64, "B", ord("c"), "not in ascending order", 32),
        ],
    )
    def test_damaged_branch(self, pos, code, value, match, offset):
        page = bytearray(branch_page())
        struct.pack_into("<" + code, page, pos, value)
        with pytest.raises(Corrupt, match=match) as caught:
            bbolt.parse_branch(BEFORE + bytes(page) + AFTER, len(BEFORE), len(BEFORE) + len(page))
        assert caught.value.offset == len(BEFORE) + offset

    def test_the_short_way_through_a_branch_page_finds_the_same(self, monkeypatch):
        """Pages of 8-byte keys with one byte changed: the same children, or the same error."""
        page = struct.pack("<QHHI", 5, 1, 6, 0) + branch_body([(struct.pack(">Q", 250 + n), 7 + n) for n in range(6)])

        def outcome(raw):
            try:
                return bbolt.parse_branch(raw, 0, len(raw))
            except Corrupt as error:
                return error.what, error.offset

        damaged = [page[:at] + bytes([byte]) + page[at + 1 :] for at in range(len(page)) for byte in (0, 1, 8, 9, 0xFF)]
        short = [outcome(raw) for raw in [page, *damaged]]
        assert bbolt._with_keys_of_8(page[16 : 16 + 6 * 16], page, 16 + 6 * 16, len(page)) == short[0]
        monkeypatch.setattr(bbolt, "_with_keys_of_8", lambda *_arguments: [])
        assert short == [outcome(raw) for raw in [page, *damaged]]
        assert {type(found) for found in short} == {list, tuple}

    @pytest.mark.parametrize("keys", [(b"b", b"a"), (b"a", b"a"), (b"ab", b"a")])
    def test_keys_that_do_not_ascend(self, keys):
        leaf = struct.pack("<QHHI", 5, 2, 2, 0) + leaf_body([(0, key, b"") for key in keys])
        branch = struct.pack("<QHHI", 5, 1, 2, 0) + branch_body([(key, 7) for key in keys])
        for parse, page in ((bbolt.parse_leaf, leaf), (bbolt.parse_branch, branch)):
            with pytest.raises(Corrupt, match="not in ascending order") as caught:
                parse(page, 0, len(page))
            assert caught.value.offset == 32

    def test_a_key_longer_than_bbolt_allows(self):
        page = struct.pack("<QHHI", 5, 2, 1, 0) + leaf_body([(0, bytes(32769), b"")])
        with pytest.raises(Corrupt, match="a key of 32769 bytes"):
            bbolt.parse_leaf(page, 0, len(page))

    @pytest.mark.parametrize(
        ("header", "match"),
        [
            ((6, 2, 3, 0), "page 5 says that it is page 6"),
            ((5, 1, 3, 0), r"page 5 is of the branch kind \(flags 0x1\), wanted leaf or freelist"),
            ((5, 3, 3, 0), r"of the unknown kind \(flags 0x3\)"),
            ((5, 0, 3, 0), "unknown kind"),
            ((5, 2, 0xFFFF, 0), "claims 65535 elements"),
        ],
    )
    def test_page_header(self, header, match):
        with pytest.raises(Corrupt, match=match) as caught:
            bbolt.parse_page_header(b"\0" * 3 + struct.pack("<QHHI", *header), 3, 5, (2, 16))
        assert caught.value.offset == 3

    def test_a_freelist_may_escape_its_count(self):
        header = bbolt.parse_page_header(struct.pack("<QHHI", 5, 16, 0xFFFF, 2), 0, 5, (16,))
        assert header == (5, 16, 0xFFFF, 2)
