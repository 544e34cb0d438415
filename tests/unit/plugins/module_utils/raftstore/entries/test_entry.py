# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both encodings of an entry: golden vectors that Go wrote, and the PyPI library msgpack as an independent witness."""

from __future__ import annotations

import re
from random import Random
from typing import List, Tuple

import msgpack
import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import entry
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.entry import Entry
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.gotime import ZERO_TIME, GoTime
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stores import forms

# Written by raft-boltdb and raft-wal for the same two entries.
GOLDEN = [
    (
        Entry(5, 7, 0, bytes.fromhex("52fdfc"), b"", GoTime(1767323045, 678901234)),
        "86aa417070656e6465644174a8a1dcd7c8695735a5a444617461a352fdfc"
        "aa457874656e73696f6e73c0a5496e64657805a45465726d07a45479706500",
        "0507000352fdfc00010000000ee0e92ca5287735f2ffff",
    ),
    (
        Entry(6, 7, 0, bytes.fromhex("072182"), b"", GoTime(1767323045, 679901234)),
        "86aa417070656e6465644174a8a219e0c8695735a5a444617461a3072182"
        "aa457874656e73696f6e73c0a5496e64657806a45465726d07a45479706500",
        "060700030721820001" + "0000000ee0e92ca528867832ffff",
    ),
]


@pytest.mark.parametrize(("wanted", "value", "payload"), GOLDEN)
def test_golden_vectors_byte_for_byte(wanted: Entry, value: str, payload: str) -> None:
    assert entry.decode_msgpack(bytes.fromhex(value)) == wanted
    assert entry.encode_msgpack(wanted).hex() == value
    assert entry.decode_binary(bytes.fromhex(payload)) == wanted
    assert entry.encode_binary(wanted).hex() == payload


def test_the_example_in_the_documentation_is_the_golden_vector() -> None:
    example = (entry.__doc__ or "").split("Worked example", 1)[1]
    lines = [re.sub(r"[^0-9a-f]", "", line) for line in example.split("\n")[2:5]]
    assert [lines[0] + lines[1], lines[2]] == [GOLDEN[0][1], GOLDEN[0][2]]


@settings(max_examples=120, deadline=None)
@given(forms.stored())
def test_every_form_in_raft_db_is_read(pair: Tuple[Entry, bytes]) -> None:
    wanted, value = pair
    assert entry.decode_msgpack(value) == wanted


@settings(max_examples=120, deadline=None)
@given(forms.entries())
def test_what_is_written_is_what_msgpack_reads(wanted: Entry) -> None:
    value = entry.encode_msgpack(wanted)
    found = msgpack.unpackb(value, raw=True)
    assert list(found) == [b"AppendedAt", b"Data", b"Extensions", b"Index", b"Term", b"Type"]
    assert (found[b"Index"], found[b"Term"], found[b"Type"]) == (wanted.index, wanted.term, wanted.type)
    assert (found[b"Data"] or b"", found[b"Extensions"] or b"") == (wanted.data, wanted.extensions)
    time = wanted.appended_at.in_utc()
    assert found[b"AppendedAt"] == (None if time == ZERO_TIME else forms.short_times(time)[-1])
    assert entry.same(entry.decode_msgpack(value), wanted)


@settings(max_examples=120, deadline=None)
@given(forms.entries())
def test_binary_gives_every_field_back(wanted: Entry) -> None:
    assert entry.decode_binary(entry.encode_binary(wanted)) == wanted


@settings(max_examples=100, deadline=None)
@given(forms.stored(), st.integers(0, 2**32))
def test_damaged_bytes_give_an_entry_or_a_store_error(pair: Tuple[Entry, bytes], seed: int) -> None:
    wanted, value = pair
    random = Random(seed)
    for raw, decode in ((value, entry.decode_msgpack), (entry.encode_binary(wanted), entry.decode_binary)):
        for _round in range(30):
            damaged = bytearray(raw)
            for _number in range(random.randint(1, 3)):
                damaged[random.randrange(min(len(raw), 120))] = random.randrange(256)
            try:
                decode(bytes(damaged[: random.choice((len(raw), random.randint(0, len(raw))))]))
            except StoreError as error:
                assert "entry" in error.what


VALUE = bytes.fromhex(GOLDEN[0][1])
PAYLOAD = bytes.fromhex(GOLDEN[0][2])


def keys(*names: bytes) -> bytes:
    """The golden value with the fields of these names only."""
    fields = dict(zip((b"AppendedAt", b"Data", b"Extensions", b"Index", b"Term", b"Type"), parts()))
    return bytes((0x80 | len(names),)) + b"".join(fields[name] for name in names)


def parts() -> List[bytes]:
    starts = [VALUE.index(name) - 1 for name in (b"AppendedAt", b"Data", b"Extensions", b"Index", b"Term", b"Type")]
    return [VALUE[start:end] for start, end in zip(starts, [*starts[1:], len(VALUE)])]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "beyond its end"),
        (VALUE[:-1], "beyond its end"),
        (VALUE + b"\0", "1 bytes follow"),
        (b"\x96" + VALUE[1:], "wanted a map"),
        (b"\x87" + VALUE[1:], "wanted a map"),
        (keys(b"Data", b"Index", b"Term"), "wanted a map of 4"),
        (keys(b"AppendedAt", b"Data", b"Extensions", b"Term", b"Type"), "has no index"),
        (keys(b"AppendedAt", b"Data", b"Index", b"Index", b"Term", b"Type"), "'index' a second time"),
        (VALUE.replace(b"Term", b"Tern"), "unknown key"),
        (VALUE.replace(b"\xa5Index\x05", b"\xa5Index\xff"), "unsigned number"),
        (VALUE.replace(b"\xa5Index\x05", b"\xa5Index\xd0\xfb"), "negative"),
        (VALUE.replace(b"\xa5Index\x05", b"\xa5Index\xa1\x05"), "unsigned number"),
        (VALUE.replace(b"\xa4Type\x00", b"\xa4Type\xcd\x01\x00"), "type is 256"),
        (VALUE.replace(b"\xa3\x52\xfd\xfc", b"\x93\x52\x53\x54"), "wanted bytes"),
        (VALUE.replace(b"\xa3\x52\xfd\xfc", b"\xdb\xff\xff\xff\xff"), "beyond its end"),
        (VALUE.replace(b"\xaaExtensions\xc0", b"\xaaExtensions\x00"), "wanted bytes"),
        (VALUE.replace(b"\xa8\xa1\xdc\xd7\xc8", b"\xa8\xff\xff\xff\xff"), "nanoseconds"),
        (VALUE.replace(b"\xa8\xa1", b"\xa7"), "7 bytes"),
        (VALUE.replace(b"\xa8\xa1\xdc\xd7\xc8iW5\xa5", b"\xd9\x0f" + b"\1" + bytes(12) + b"\xff\xff"), "wanted 4, 8"),
        (VALUE.replace(b"\xa8\xa1", b"\xd7\x01\xa1"), "0xd7, wanted bytes"),
    ],
)
def test_refused_msgpack(raw: bytes, problem: str) -> None:
    assert raw != VALUE
    with pytest.raises(Corrupt, match=problem):
        entry.decode_msgpack(raw)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "beyond its end"),
        (PAYLOAD[:-1], "14 bytes"),
        (PAYLOAD + b"\0", "version 1 in 16"),
        (b"\x85\x00" + PAYLOAD[1:], "overlong"),
        (b"\xff" * 9 + b"\x02" + PAYLOAD[1:], "above 64 bits"),
        (b"\xff" * 12, "overlong"),
        (PAYLOAD[:3] + b"\xff\xff\xff\xff\x7f" + PAYLOAD[4:], "beyond its end"),
        (PAYLOAD[:2] + b"\x80\x02" + PAYLOAD[3:], "type is 256"),
    ],
)
def test_refused_binary(raw: bytes, problem: str) -> None:
    with pytest.raises(Corrupt, match=problem):
        entry.decode_binary(raw)


def test_older_servers_wrote_fewer_keys() -> None:
    four = entry.decode_msgpack(keys(b"Data", b"Index", b"Term", b"Type"))
    five = entry.decode_msgpack(keys(b"Data", b"Extensions", b"Index", b"Term", b"Type"))
    assert four == five == Entry(5, 7, 0, bytes.fromhex("52fdfc"))


def test_a_record_must_carry_its_own_index() -> None:
    assert entry.decode("msgpack", 5, VALUE) == entry.decode("binary", 5, PAYLOAD) == GOLDEN[0][0]
    with pytest.raises(Corrupt, match="entry 6 says that its index is 5"):
        entry.decode("msgpack", 6, VALUE)
    with pytest.raises(Corrupt, match=r"entry 5 is damaged: .* byte 0 of the entry"):
        entry.decode("binary", 5, b"\xff" * 10)


def test_digest_lines() -> None:
    assert entry.digest_line(GOLDEN[0][0]) == b"5 7 0 52fdfc  1767323045678901234\n"
    assert entry.digest_line(Entry(1, 2, 5, b"", b"\xab\xcd")) == b"1 2 5  abcd 0\n"


def test_the_zone_does_not_make_entries_differ() -> None:
    here = Entry(1, 1, 0, b"x", b"", GoTime(5, 6, 3600))
    assert entry.same(here, Entry(1, 1, 0, b"x", b"", GoTime(5, 6)))
    assert not entry.same(here, Entry(1, 1, 0, b"x", b"", GoTime(5, 7)))
    assert not entry.same(here, Entry(1, 2, 0, b"x", b"", GoTime(5, 6)))
