# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The format of one WAL segment file. Pure: bytes in, values out. segmentreader.py reads the files, segmentwriter.py
makes them.

All integers are little-endian (raft-wal segment/format.go). A file is a header, then frames; every frame begins at a
multiple of 8. Only whole batches count: entry frames, then a commit frame whose checksum covers every byte from the
end of the commit frame before it (the first: from byte 0 of the file). A sealed segment ends with an index frame and
a last commit frame; its metadata say where the index is. A tail is not sealed, and zeros follow its last commit.

    file header, 32 bytes                              frame header, 8 bytes
    0      4          7      8      16   24    32      0      1          4                    8
    +------+----------+------+------+----+-----+       +------+----------+--------------------+
    | magic| 0  0  0  | vers.| base | id |codec|       | type | 0  0  0  | payload len or CRC |
    | u32  | reserved | u8 0 | u64  |u64 | u64 |       | u8   | reserved | u32                |
    +------+----------+------+------+----+-----+       +------+----------+--------------------+

    type 1 entry   payload: one entry in binary encoding, at most 64 MiB; zeros up to a multiple of 8 follow
    type 2 index   payload: the file offset of each entry frame, u32 each, in order; zeros as above
    type 3 commit  no payload; the u32 is the CRC-32C
    type 0 all eight bytes zero: the end of what was written

Worked example, base 5, id 1: the entries 5 and 6 of term 7 and their commit, 104 bytes:

    0d6beb58 000000 00 0500000000000000 0100000000000000 0100000000000000
    01000000 17000000 0507000352fdfc00010000000ee0e92ca5287735f2ffff00
    01000000 17000000 060700030721820001 0000000ee0e92ca528867832ffff00
    03000000 755308a4
"""

from __future__ import annotations

import re
import struct
from typing import List, NamedTuple, Optional, Sequence, Tuple

from ..._disk.errors import Unsupported, corrupt
from ..base.store import ROWS_MIN, Batch, Entries, Rows
from .crc32c import crc32c

FILE_HEADER = struct.Struct("<I3sBQQQ")  # magic, reserved, version, base index, id, codec
FRAME_HEADER = struct.Struct("<II")  # type and the three reserved bytes in one number, payload length or CRC
FILE_HEADER_LEN = 32
FRAME_HEADER_LEN = 8
INDEX_ITEM_LEN = 4
if (FILE_HEADER.size, FRAME_HEADER.size) != (FILE_HEADER_LEN, FRAME_HEADER_LEN):
    raise AssertionError("the headers have other sizes than raft-wal's")

MAGIC = 0x58EB6B0D
VERSION = 0
CODEC_BINARY_V1 = 1  # raft-wal codec.go: the constant before it takes 0
FRAME_END = 0
FRAME_ENTRY = 1
FRAME_INDEX = 2
FRAME_COMMIT = 3
ENTRY_MARK, INDEX_MARK, COMMIT_MARK = b"\x01\0\0\0", b"\x02\0\0\0", b"\x03\0\0\0"  # how a frame begins
MIN_ENTRY_LEN = 20  # five numbers of one byte each and a time of 15 (raft-wal codec.go)
MAX_ENTRY_LEN = 64 << 20  # raft-wal writes larger entries, but does not read them (segment/reader.go)
MAX_FILE_LEN = 2**31 - 1  # raft-wal creates no larger file (fs/fs.go)
PADDING = tuple(bytes(-length & 7) for length in range(8))  # by payload length modulo 8
UNKNOWN_KIND = "A later Nomad may have written it: use a version of this collection that knows it."
SEAL_OVERHEAD = FILE_HEADER_LEN + 2 * FRAME_HEADER_LEN + INDEX_ITEM_LEN  # header, index header, its padding, commit

_FILE_NAME = re.compile(r"([0-9]{20})-([0-9a-f]{16})\.wal")


class Header(NamedTuple):
    """What a segment's file header says."""

    base_index: int
    segment_id: int


def file_name(base_index: int, segment_id: int) -> str:
    """The only name under which raft-wal finds this segment (segment/filer.go)."""
    return f"{base_index:020d}-{segment_id:016x}.wal"


def parse_file_name(name: str) -> Optional[Tuple[int, int]]:
    """Base index and id in a segment's name; None for any other name."""
    match = _FILE_NAME.fullmatch(name)
    return (int(match.group(1)), int(match.group(2), 16)) if match else None


def pack_header(header: Header) -> bytes:
    """The 32 bytes at the beginning of a segment."""
    return FILE_HEADER.pack(MAGIC, bytes(3), VERSION, header.base_index, header.segment_id, CODEC_BINARY_V1)


def check_header(raw: bytes, wanted: Header) -> None:
    """Raise Corrupt or Unsupported unless `raw` is the header of the segment that the metadata mean."""
    magic, reserved, version, base_index, segment_id, codec = FILE_HEADER.unpack(raw)
    if magic != MAGIC or reserved != bytes(3):
        raise corrupt(f"this is not a WAL segment: it begins with {raw[:8].hex()}", 0)
    if (version, codec) != (VERSION, CODEC_BINARY_V1):
        raise Unsupported(
            f"the segment is of version {version} and codec {codec}, known are 0 and 1", offset=7, hint=UNKNOWN_KIND
        )
    if (base_index, segment_id) != wanted:
        raise corrupt(
            f"the segment says base index {base_index} and id {segment_id}, "
            f"its metadata say {wanted.base_index} and {wanted.segment_id}",
            8,
        )


def frame_len(payload_len: int) -> int:
    """Bytes that a frame with this payload takes in the file."""
    return FRAME_HEADER_LEN + payload_len + (-payload_len & 7)


def describe_frame(raw: bytes) -> str:
    """In words, what the frame header in the first 8 bytes of `raw` is."""
    if len(raw) < FRAME_HEADER_LEN:
        return "the end of the file"
    kind, value = FRAME_HEADER.unpack_from(raw)
    if kind == FRAME_END and value == 0:
        return "the end of the written part"
    names = {FRAME_ENTRY: "an entry", FRAME_INDEX: "an index", FRAME_COMMIT: "a commit"}
    if kind == FRAME_ENTRY and value > MAX_ENTRY_LEN:
        return f"an entry of {value} bytes, more than the {MAX_ENTRY_LEN} that are possible"
    return f"{names[kind]} frame" if kind in names else f"no frame: {raw[:8].hex()}"


class Window(NamedTuple):
    """What a scan has found in one buffer: entries, the file offset of each entry's frame as the index has it, and how
    far it came.
    """

    found: List[Entries]
    frame_offs: bytes
    end_pos: int


def pack_offs(offs: Sequence[int]) -> bytes:
    """Offsets of entry frames as the index has them."""
    return struct.pack(f"<{len(offs)}I", *offs)


def _alike_count(buf: bytes, pos: int, payload_len: int) -> int:
    """Number of consecutive entry frames at `pos` with payloads of this length; 0 if they are few.

    Measured for entries of 200 bytes: 0.02 microseconds each, against 0.5 one by one.
    """
    stride = frame_len(payload_len)
    possible = (len(buf) - pos) // stride
    if possible < ROWS_MIN:
        return 0
    header = FRAME_HEADER.pack(FRAME_ENTRY, payload_len)
    places = [*enumerate(header), *((at, 0) for at in range(FRAME_HEADER_LEN + payload_len, stride))]
    limit = ROWS_MIN
    while True:  # twice as many each time, so as not to look again and again beyond the last similar one
        count = limit
        for at, byte in places:
            column = buf[pos + at : pos + limit * stride : stride]
            count = min(count, len(column) - len(column.lstrip(bytes((byte,)))))
        if count < limit or limit == possible:
            return count if count >= ROWS_MIN else 0
        limit = min(2 * limit, possible)


class _Found:
    """Entries that a scan collects, in order: rows, and between them entries one by one."""

    def __init__(self, first_index: int) -> None:
        self._first_index = first_index  # of `raws`
        self._entries: List[Entries] = []
        self.raws: List[bytes] = []
        self.offs: List[int] = []

    def next_index(self) -> int:
        """Index of the next entry."""
        return self._first_index + len(self.raws)

    def add_rows(self, buf: bytes, pos: int, count: int, payload_len: int, start_off: int) -> None:
        """Add entries whose frames are alike; the buffer begins at `start_off` in the file."""
        stride = frame_len(payload_len)
        self.finished().append(Rows(self.next_index(), count, buf, pos + FRAME_HEADER_LEN, stride, payload_len))
        self._first_index += count
        self.offs += range(start_off + pos, start_off + pos + count * stride, stride)

    def finished(self) -> List[Entries]:
        """All that was added."""
        if self.raws:
            self._entries.append(Batch(self._first_index, self.raws))
            self._first_index, self.raws = self.next_index(), []
        return self._entries


class Scanner:
    """Passes over the entry and commit frames of a segment, buffer by buffer, and checks all that can be checked.

    `off` is the current position; a buffer given to `scan` must begin there. `next_index` is the index of the next
    entry, `crc` the checksum of the bytes after the last commit. `committed_off` and `committed_index` are `off` and
    `next_index` just after that commit. `damage` says in words what is wrong at `off`, once something is.
    """

    def __init__(self, raw_header: bytes, base_index: int) -> None:
        self.off = self.committed_off = FILE_HEADER_LEN
        self.next_index = self.committed_index = base_index
        self.crc = crc32c(raw_header)
        self.damage = ""

    def scan(self, buf: bytes) -> Window:
        """Pass over the complete frames in `buf`; stop at damage, and at any frame of another kind."""
        found = _Found(self.next_index)
        unpack, view, last = FRAME_HEADER.unpack_from, memoryview(buf), len(buf) - FRAME_HEADER_LEN
        start_off, crc = self.off, self.crc
        pos = crc_pos = 0
        before = -1  # payload length of the frame before
        while pos <= last:
            kind, value = unpack(buf, pos)
            if kind == FRAME_ENTRY:
                count = _alike_count(buf, pos, value) if value == before else 0
                if count:
                    found.add_rows(buf, pos, count, value, start_off)
                    pos += count * frame_len(value)
                    before = -1
                    continue
                body_end = pos + 8 + value
                end = body_end + (-value & 7)
                if end > len(buf):
                    break
                if value & 7 and buf[body_end:end] != PADDING[value & 7]:
                    self.damage = "the padding of the entry frame is not zero"
                    break
                found.raws.append(buf[pos + 8 : body_end])
                found.offs.append(start_off + pos)
                pos, before = end, value
            elif kind == FRAME_COMMIT:
                if crc32c(view[crc_pos:pos], crc) != value:
                    self.damage = "the checksum of the batch that ends here is wrong"
                    break
                crc, pos = 0, pos + 8
                crc_pos = pos
                self.committed_off, self.committed_index = start_off + pos, found.next_index()
            else:
                break
        self.off, self.next_index, self.crc = start_off + pos, found.next_index(), crc32c(view[crc_pos:pos], crc)
        return Window(found.finished(), pack_offs(found.offs), pos)
