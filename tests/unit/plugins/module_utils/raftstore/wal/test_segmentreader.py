# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Segment files: what is written equals frames put together by hand; every flipped bit and every cut is seen."""

from __future__ import annotations

import os
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any, Iterator, List, Optional, Tuple

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Batch
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal import segmentreader
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.segment import Header
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.segmentreader import (
    SegmentReader,
    Tail,
    recover_tail,
)
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.segmentwriter import SegmentWriter
from support.stores.segments import (
    GOLDEN,
    Built,
    batches,
    payloads,
)


class File:
    """A file whose content a test changes again and again."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)

    def put(self, raw: bytes) -> None:
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, raw, 0)

    def read(self, end_off: int, sealed: bool, base_index: int = 1) -> List[Tuple[int, bytes]]:
        reader = SegmentReader(self.fd, self.path, Header(base_index, 1), end_off, sealed)
        return [record for batch in reader.batches() for record in batch.records()]

    def recover(self, base_index: int = 1) -> Tail:
        return recover_tail(self.fd, os.fstat(self.fd).st_size, self.path, Header(base_index, 1))


@pytest.fixture
def file(tmp_path: Path) -> Iterator[File]:
    made = File(tmp_path / "segment")
    yield made
    os.close(made.fd)


def sealed(counts: List[int]) -> Built:
    return batches(1, counts).index().commit()


def records(built_from: List[bytes], first: int = 1) -> List[Tuple[int, bytes]]:
    return list(enumerate(built_from, first))


def flips(raw: bytes) -> Iterator[Tuple[int, bytes]]:
    for bit in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bit, bytes(flipped)


def test_segments_are_written_and_read_in_pieces(tmp_path: Path, file: File) -> None:
    items = payloads(1, [3 << 20, 5, 0, 1 << 20, (1 << 20) - 40, 100_000] + [300] * 5000)
    new = Directory.open(str(tmp_path)).create("x")
    writer = SegmentWriter(new, Header(1, 1))
    for position in range(0, len(items), 3):
        writer.append(Batch(position + 1, items[position : position + 3]))
    index_start = writer.seal()
    file.put((tmp_path / "x").read_bytes())
    assert file.read(index_start - 8, True) == records(items)


def test_every_flipped_bit_of_a_sealed_segment_is_refused(file: File) -> None:
    built = sealed([2, 1])
    file.put(built.raw)
    assert len(file.read(built.index_start - 8, True)) == 3
    for bit, raw in flips(built.raw):
        file.put(raw)
        with pytest.raises(StoreError) as caught:
            file.read(built.index_start - 8, True)
        assert caught.value.path == file.path and caught.value.offset is not None, bit


@pytest.mark.parametrize("counts", [[1], [2, 1], [2, 2], [1, 1, 1]])
def test_every_flipped_bit_of_a_tail_is_refused(file: File, counts: List[int]) -> None:
    built = batches(1, counts)
    preallocated = bytes(4096)
    file.put(built.raw + preallocated)
    assert file.recover() == Tail(sum(counts), len(built.raw), False)
    for bit, raw in flips(built.raw):
        file.put(raw + preallocated)
        with pytest.raises(StoreError) as caught:
            file.recover()
        assert caught.value.path == file.path and caught.value.offset is not None, bit


def test_a_damaged_last_batch_says_to_start_and_stop_nomad(file: File) -> None:
    built = batches(1, [1, 1])
    raw = bytearray(built.raw + bytes(64))
    raw[len(built.raw) - 20] ^= 1
    file.put(bytes(raw))
    with pytest.raises(Corrupt, match="start the Nomad server on this WAL once, let it catch up, stop it"):
        file.recover()


@pytest.mark.parametrize("preallocated", [0, 4096])
def test_a_tail_cut_anywhere_keeps_the_batches_before_the_cut(file: File, preallocated: int) -> None:
    built = batches(1000, [1, 2, 1])  # index 3 would look like a commit where it is cut
    for length in range(len(built.raw) + 1):
        file.put(built.raw[:length] + bytes(preallocated))
        if preallocated and any(end - 8 < length < end for end in built.commit_ends):
            # Zeros instead of the checksum: it cannot be told from a damaged one.
            with pytest.raises(Corrupt, match="start the Nomad server"):
                file.recover(1000)
            continue
        whole = [end for end in built.commit_ends if end <= length]
        tail = file.recover(1000)
        assert tail == (Tail(built.commit_ends[whole[-1]], whole[-1], False) if whole else Tail(0, 0, False)), length
        if whole:
            assert len(file.read(tail.end_off, False, 1000)) == tail.entry_count


def test_frames_behind_the_last_commit_never_counted(file: File) -> None:
    built = batches(1, [2])
    end = len(built.raw)
    built.entries(payloads(3, [5, 50]))
    file.put(built.raw + bytes(512))
    assert file.recover() == Tail(2, end, False)


@pytest.mark.parametrize("garbage", [b"\xff" * 40, b"\x01\0\0\0\xff\xff\xff\xff" + bytes(24), b"\x05" + bytes(31)])
def test_garbage_behind_the_last_commit_never_counted(file: File, garbage: bytes) -> None:
    built = batches(1, [2])
    file.put(built.raw + garbage + bytes(64))
    assert file.recover() == Tail(2, len(built.raw), False)


@pytest.mark.parametrize("raw", [b"", b"\0" * 31, b"\0" * 8192, GOLDEN[:32], b"\xff" * 32, GOLDEN[:32] + bytes(100)])
def test_a_tail_to_which_nothing_was_committed_is_empty(file: File, raw: bytes) -> None:
    file.put(raw)
    assert file.recover() == Tail(0, 0, False)


def test_a_tail_of_another_segment_is_refused(file: File) -> None:
    file.put(GOLDEN)
    assert file.recover(5) == Tail(2, 104, False)
    with pytest.raises(Corrupt, match="base index 5 and id 1, its metadata say 6 and 1"):
        file.recover(6)


def test_a_tail_that_is_sealed_on_disk_is_noticed(file: File) -> None:
    built = sealed([2, 1])
    file.put(built.raw + bytes(64))
    assert file.recover() == Tail(3, built.index_start - 8, True)
    file.put(built.raw[:-8] + bytes(64))  # the seal was torn: its batch has no entries of its own
    assert file.recover() == Tail(
        3, max(end for end, count in built.commit_ends.items() if end < built.index_start), False
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda built: batches(1, [2, 1]).raw, "beyond|ends here|wanted the index"),
        (lambda built: built.raw[:-8], "ends here"),
        (lambda built: built.raw[:-9], "ends here"),
        (lambda built: built.raw[:40], "ends here"),
        (lambda built: b"", "ends here"),
        (lambda built: batches(1, [2, 1]).entries(payloads(4, [3])).index().commit().raw, "wanted|index|entry|ends"),
    ],
)
def test_a_sealed_segment_that_is_not_whole_is_refused(file: File, change: Any, problem: str) -> None:
    built = sealed([2, 1])
    file.put(change(built))
    with pytest.raises(Corrupt, match=problem):
        file.read(built.index_start - 8, True)


def test_a_wrong_index_with_a_right_checksum_is_refused(file: File) -> None:
    built = batches(1, [3])
    built.entry_offs[1] += 8
    built.index().commit()
    file.put(built.raw)
    with pytest.raises(Corrupt, match="the index says that entry 2 is at byte"):
        file.read(built.index_start - 8, True)


def test_padding_of_an_index_with_a_right_checksum_is_refused(file: File) -> None:
    built = batches(1, [3]).index()
    built.raw = built.raw[:-1] + b"\1"
    file.put(built.commit().raw)
    with pytest.raises(Corrupt, match="the padding of the index frame is not zero"):
        file.read(built.index_start - 8, True)


def test_a_tail_that_is_larger_than_offsets_can_say_is_refused(file: File) -> None:
    os.ftruncate(file.fd, (1 << 32) + 1)
    with pytest.raises(Corrupt, match="the segment has 4294967297 bytes"):
        file.recover()


def test_frames_without_a_commit_are_not_read(file: File) -> None:
    built = batches(1, [2]).entries(payloads(3, [5]))
    file.put(built.raw)
    with pytest.raises(Corrupt, match="a commit frame must come before this place"):
        file.read(len(built.raw), False)


def test_an_entry_length_above_the_limit_is_refused_before_memory_is_asked_for(file: File) -> None:
    file.put(GOLDEN[:32] + b"\x01\0\0\0\x01\0\0\x04" + bytes(16))
    os.ftruncate(file.fd, 1 << 31)
    with pytest.raises(Corrupt, match="an entry of 67108865 bytes"):
        file.read(1 << 30, True, 5)
    assert segmentreader.WINDOW_LEN == 1 << 20


LONGEST = segmentreader.MAX_ENTRY_LEN


@pytest.mark.parametrize(
    ("length", "behind", "match"),
    [
        ((2 << 20) + 1, b"", "an entry frame with no frame after it"),
        (LONGEST - 8, b"", "an entry frame with no frame after it"),
        (LONGEST, b"", "an entry frame with no frame after it"),
        (LONGEST, None, "an entry frame with no frame after it"),
        (LONGEST + 8, segmentreader.segment.COMMIT_MARK, "an entry of 67108872 bytes, more than the 67108864 that are"),
    ],
)
def test_a_length_that_lies_costs_no_memory(file: File, length: int, behind: Optional[bytes], match: str) -> None:
    """What follows it is looked at first: here zeros, the end of the file (None), or what looks like a commit."""
    built = batches(1, [3])
    off = built.entry_offs[-1]
    end_off = off + segmentreader.segment.frame_len(length)
    file.put(built.raw[: off + 4] + struct.pack("<I", length) + built.raw[off + 8 :])
    os.ftruncate(file.fd, end_off if behind is None else 1 << 29)
    os.pwrite(file.fd, behind or b"", end_off)
    tracemalloc.start()
    try:
        with pytest.raises(Corrupt, match="frames are damaged between here and the commit frame"):
            file.recover()
        with pytest.raises(Corrupt, match=match):
            file.read(os.fstat(file.fd).st_size, False)
        assert tracemalloc.get_traced_memory()[1] < 4 * segmentreader.WINDOW_LEN
    finally:
        tracemalloc.stop()


def test_a_frame_and_an_index_that_both_lie_behind_the_end_of_the_file(file: File) -> None:
    built = batches(1, [3])
    off = built.entry_offs[-1]
    file.put(built.raw[: off + 4] + struct.pack("<I", LONGEST) + built.raw[off + 8 :])
    os.ftruncate(file.fd, 3 << 20)
    with pytest.raises(Corrupt, match="found an entry frame with no frame after it"):
        file.read(1 << 30, False)


def test_a_torn_batch_before_a_gigabyte_of_zeros_is_judged_as_fast_as_it_is_read(tmp_path: Path) -> None:
    """The search for a commit frame once took seven times as long."""
    built = batches(1, [2])
    path = tmp_path / "tail.wal"
    path.write_bytes(built.raw + b"\x09" * 8)
    os.truncate(path, 1 << 30)
    fd = os.open(path, os.O_RDONLY)
    started = time.process_time()
    for off in range(0, 1 << 30, segmentreader.WINDOW_LEN):
        os.pread(fd, segmentreader.WINDOW_LEN, off)
    read_s = time.process_time() - started
    tail = recover_tail(fd, 1 << 30, str(path), Header(1, 1))
    took_s = time.process_time() - started - read_s
    os.close(fd)
    assert tail.entry_count == 2
    assert took_s < 3 * read_s + 0.5


@pytest.mark.parametrize(
    "piece",
    [b"\x01" + bytes(7), b"\x03" * 8, bytes(4) + segmentreader.segment.COMMIT_MARK],
    ids=["empty entries", "the byte of a commit", "commit marks between frames"],
)
def test_a_tail_made_to_be_searched_for_long_is_not(file: File, piece: bytes) -> None:
    """64 MiB of these once took the better part of a minute."""
    built = batches(1, [2])
    file.put(built.raw + piece * (8 << 20))
    started = time.process_time()
    assert file.recover() == Tail(2, len(built.raw), False)
    assert time.process_time() - started < 5
