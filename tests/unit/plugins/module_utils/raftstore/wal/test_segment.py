# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The segment format: against the bytes that raft-wal wrote, and against frames put together by hand."""

from __future__ import annotations

import re
import struct
from typing import Tuple

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal import segment
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.segment import Header, Scanner
from support.stores.segments import GOLDEN, Built, batches


def test_the_example_in_the_documentation_is_what_raft_wal_wrote() -> None:
    example = (segment.__doc__ or "").split("104 bytes:", 1)[1]
    assert bytes.fromhex(re.sub(r"\s", "", example)) == GOLDEN


def test_the_header_that_raft_wal_wrote() -> None:
    assert segment.pack_header(Header(5, 1)) == GOLDEN[:32]
    segment.check_header(GOLDEN[:32], Header(5, 1))


@pytest.mark.parametrize("bit", range(256))
def test_every_bit_of_the_header_counts(bit: int) -> None:
    raw = bytearray(GOLDEN[:32])
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(StoreError) as caught:
        segment.check_header(bytes(raw), Header(5, 1))
    assert caught.value.offset is not None


@pytest.mark.parametrize("window_len", [1, 7, 8, 40, 64, 72, 200])
def test_windows_of_any_size_find_the_same(window_len: int) -> None:
    scanner = Scanner(GOLDEN[:32], 5)
    records = []
    offs = []
    have = window_len
    while scanner.off < len(GOLDEN) and not scanner.damage:
        found = scanner.scan(GOLDEN[scanner.off : scanner.off + have])
        records += [record for batch in found.found for record in batch.records()]
        offs += [off for (off,) in struct.iter_unpack("<I", found.frame_offs)]
        have = window_len if found.end_pos else have + 1
    assert [index for index, _raw in records] == [5, 6]
    assert [raw for _index, raw in records] == [GOLDEN[40:63], GOLDEN[72:95]]
    assert offs == [32, 64]
    assert (scanner.damage, scanner.committed_off, scanner.committed_index, scanner.crc) == ("", 104, 7, 0)


def test_each_commit_covers_what_follows_the_one_before() -> None:
    raw = batches(1, [2, 1, 3]).raw
    scanner = Scanner(raw[:32], 1)
    assert sum(batch.entry_count for batch in scanner.scan(raw[32:]).found) == 6
    assert (scanner.damage, scanner.off) == ("", len(raw))


@pytest.mark.parametrize(
    ("off", "damage"),
    [(40, "checksum"), (63, "padding"), (71, ""), (100, "checksum"), (103, "checksum"), (97, ""), (33, "")],
)
def test_a_scan_stops_at_damage(off: int, damage: str) -> None:
    raw = bytearray(GOLDEN)
    raw[off] ^= 0x80
    scanner = Scanner(GOLDEN[:32], 5)
    scanner.scan(bytes(raw[32:]))
    assert damage in scanner.damage and scanner.off < len(GOLDEN)
    assert (scanner.committed_off, scanner.committed_index) == (32, 5)


def test_file_names() -> None:
    assert segment.file_name(5, 31) == "00000000000000000005-000000000000001f.wal"
    assert segment.parse_file_name("00000000000000000005-000000000000001f.wal") == (5, 31)
    assert segment.parse_file_name("18446744073709551615-ffffffffffffffff.wal") == (2**64 - 1, 2**64 - 1)
    for name in ("5-1f.wal", "00000000000000000005-000000000000001F.wal", "00000000000000000005-000000000000001f.wal\n",
                 "x00000000000000000005-000000000000001f.wal", "wal-meta.db"):  # fmt: skip
        assert segment.parse_file_name(name) is None


def test_frames_in_words() -> None:
    assert segment.describe_frame(b"") == "the end of the file"
    assert segment.describe_frame(bytes(8)) == "the end of the written part"
    assert segment.describe_frame(b"\x02\0\0\0\x05\0\0\0") == "an index frame"
    assert "67108865" in segment.describe_frame(b"\x01\0\0\0\x01\0\0\x04")
    assert segment.describe_frame(b"\x01\0\0\1\x01\0\0\0") == "no frame: 0100000101000000"


def test_another_codec_is_not_damage() -> None:
    raw = bytearray(GOLDEN[:32])
    raw[24] = 2
    with pytest.raises(StoreError) as caught:
        segment.check_header(bytes(raw), Header(5, 1))
    assert not isinstance(caught.value, Corrupt)


@pytest.mark.parametrize("place", [0, 1, 16, 20, 39])
@pytest.mark.parametrize("length", [5, 8])
def test_frames_alike_are_passed_over_as_one_by_one(monkeypatch: pytest.MonkeyPatch, place: int, length: int) -> None:
    """Forty frames of one length, with each bit of a header or of the padding flipped."""
    raw = Built(1, 1).entries([bytes((number,)) * length for number in range(40)]).commit().raw
    frame_len = segment.frame_len(length)

    def scanned(changed: bytes) -> Tuple[object, ...]:
        scanner = Scanner(changed[:32], 1)
        window = scanner.scan(changed[32:])
        records = [record for batch in window.found for record in batch.records()]
        return records, window.frame_offs, window.end_pos, scanner.off, scanner.next_index, scanner.crc, scanner.damage

    for byte in [*range(8), *range(8 + length, frame_len)]:
        for bit in range(8):
            flipped = bytearray(raw)
            flipped[32 + place * frame_len + byte] ^= 1 << bit
            together = scanned(bytes(flipped))
            with monkeypatch.context() as patch:
                patch.setattr(segment, "ROWS_MIN", 1000)
                assert scanned(bytes(flipped)) == together
    assert len(scanned(raw)[0]) == 40
