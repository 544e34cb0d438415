# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Segment files on disk: `SegmentReader` streams one, `recover_tail` finds where an unsealed one ends.

Never a whole segment in memory: a window of a megabyte, or one entry if that is larger. Which segments a log has,
and which of their entries count, is up to reader.py.
"""

from __future__ import annotations

import os
import struct
import sys
from array import array
from typing import Iterator, NamedTuple, Optional, Tuple

from ..._disk.durable import read_exact
from ..._disk.errors import Corrupt, corrupt, located
from ..base.store import Entries
from . import segment
from .crc32c import crc32c
from .segment import (
    COMMIT_MARK,
    ENTRY_MARK,
    FILE_HEADER_LEN,
    FRAME_COMMIT,
    FRAME_ENTRY,
    FRAME_HEADER,
    FRAME_HEADER_LEN,
    FRAME_INDEX,
    INDEX_ITEM_LEN,
    INDEX_MARK,
    MAX_ENTRY_LEN,
    MIN_ENTRY_LEN,
    Header,
    Scanner,
    Window,
)

WINDOW_LEN = 1 << 20
OFF_LIMIT = 1 << 32  # index items are u32
INDEX_ITEM = struct.Struct("<I")
FOLLOWERS = (ENTRY_MARK, INDEX_MARK, COMMIT_MARK)  # what may follow an entry that counts
COMMIT_BYTE = COMMIT_MARK[:1]
COMMIT_WORD = int.from_bytes(COMMIT_MARK, sys.byteorder)  # as `array` has it
DAMAGED_TAIL = (
    "Nomad wrote this batch last, so a power cut may have torn it: start the Nomad server on this WAL once, let it "
    "catch up, stop it, and run again. If that does not help, take the server's log from its peers."
)


class SegmentReader:
    """A segment whose metadata are known, opened for reading on `fd`, which stays the caller's.

    `end_off` is where its entries and commits end: at the index frame if it is sealed, else after its last commit.
    """

    def __init__(self, fd: int, path: str, header: Header, end_off: int, sealed: bool) -> None:
        self.fd = fd
        self.path = path
        self.header = header
        self.end_off = end_off
        self.sealed = sealed
        self.entry_count = 0  # after `batches` has come to its end

    def batches(self) -> Iterator[Entries]:
        """All entries, in order. Raises Corrupt, at the latest at the end: every byte up to there is checked.

        A batch may be handed out before the commit frame that covers it has been reached: do not trust anything before
        the iteration has ended.
        """
        with located(self.path):
            raw_header = self._read(FILE_HEADER_LEN, 0)
            segment.check_header(raw_header, self.header)
            scanner = Scanner(raw_header, self.header.base_index)
            while scanner.off < self.end_off:
                window = self._next_window(scanner)
                if self.sealed and window.found:
                    self._compare_index(window)
                yield from window.found
            self.entry_count = scanner.next_index - self.header.base_index
            if self.sealed:
                self._check_seal(scanner.crc)
            elif scanner.off != scanner.committed_off:
                raise corrupt("a commit frame must come before this place", scanner.off)

    def _read(self, length: int, off: int) -> bytes:
        return read_exact(self.fd, length, off, self.path)

    def _next_window(self, scanner: Scanner) -> Window:
        window, rest = scan_next(self.fd, self.path, scanner, self.end_off)
        if scanner.damage or not window.end_pos:
            lonely = " with no frame after it" if rest.startswith(ENTRY_MARK) else ""
            what = f"wanted an entry or commit frame, found {segment.describe_frame(rest)}{lonely}"
            raise corrupt(scanner.damage or what, scanner.off)
        return window

    def _compare_index(self, window: Window) -> None:
        """Raise Corrupt unless the index has the offsets of these frames."""
        first_index = window.found[0].first_index
        index_off = self.end_off + FRAME_HEADER_LEN + INDEX_ITEM_LEN * (first_index - self.header.base_index)
        raw = self._read(len(window.frame_offs), index_off)
        if raw == window.frame_offs:
            return
        pairs = zip(INDEX_ITEM.iter_unpack(raw), INDEX_ITEM.iter_unpack(window.frame_offs))
        for number, ((item,), (frame_off,)) in enumerate(pairs):
            if item != frame_off:
                what = f"the index says that entry {first_index + number} is at byte {item}, it is at {frame_off}"
                raise corrupt(what, index_off + INDEX_ITEM_LEN * number)

    def _check_seal(self, crc: int) -> None:
        """Check the index frame's header and padding, and the commit frame after it."""
        raw = self._read(FRAME_HEADER_LEN, self.end_off)
        if FRAME_HEADER.unpack(raw) != (FRAME_INDEX, INDEX_ITEM_LEN * self.entry_count):
            raise corrupt(
                f"wanted the index of {self.entry_count} entries, found {segment.describe_frame(raw)}",
                self.end_off,
            )
        commit_off = self.end_off + segment.frame_len(INDEX_ITEM_LEN * self.entry_count)
        for off in range(self.end_off, commit_off, WINDOW_LEN):
            raw = self._read(min(WINDOW_LEN, commit_off - off), off)
            crc = crc32c(raw, crc)
        if self.entry_count % 2 and raw[-INDEX_ITEM_LEN:] != bytes(INDEX_ITEM_LEN):
            raise corrupt("the padding of the index frame is not zero", commit_off - INDEX_ITEM_LEN)
        if FRAME_HEADER.unpack(self._read(FRAME_HEADER_LEN, commit_off)) != (FRAME_COMMIT, crc):
            raise corrupt("the checksum of the batch that ends here is wrong", commit_off)


def scan_next(fd: int, path: str, scanner: Scanner, limit: int) -> Tuple[Window, bytes]:
    """Scan the next window, or the next frame where that is longer, but nothing from `limit` on.

    The second value is the bytes where the scan stopped: at most one frame header, empty at `limit`. A frame
    that is longer than a window and has none after it is not read: its length is false, or it was never committed.
    """
    want = WINDOW_LEN
    while True:
        buf = read_exact(fd, min(want, limit - scanner.off), scanner.off, path)
        window = scanner.scan(buf)
        rest = buf[window.end_pos : window.end_pos + FRAME_HEADER_LEN]
        if window.end_pos or scanner.damage or len(rest) < FRAME_HEADER_LEN:
            return window, rest
        kind, value = FRAME_HEADER.unpack(rest)
        want = segment.frame_len(value)
        if kind != FRAME_ENTRY or value > MAX_ENTRY_LEN or want > limit - scanner.off:
            return window, rest
        end_off = scanner.off + want
        behind = read_exact(fd, min(FRAME_HEADER_LEN, os.fstat(fd).st_size - end_off), end_off, path)
        if behind[:4] not in FOLLOWERS:
            return window, rest


class Tail(NamedTuple):
    """What an unsealed segment holds. `end_off` is for SegmentReader; 0 if nothing was ever committed.

    `sealed`: the file already has its index, but the metadata do not know it. raft-wal opens such a log, then refuses
    every append ("segment is sealed").
    """

    entry_count: int
    end_off: int
    sealed: bool


def recover_tail(fd: int, file_len: int, path: str, header: Header) -> Tail:
    """Where the committed entries of an unsealed segment end, by raft-wal's own rules (segment/writer.go, recoverTail).

    Bytes after the last commit frame never counted: the writer died there. Raises Corrupt where raft-wal
    would not notice or would silently step back: if a checksum is wrong, or if after the last good commit there
    is any sign of another one, because then a damaged batch cannot be told from a torn one.
    """
    if file_len < FILE_HEADER_LEN + FRAME_HEADER_LEN:
        return Tail(0, 0, False)
    if file_len > OFF_LIMIT:
        raise Corrupt(
            f"the segment has {file_len} bytes, but its index could not go beyond {OFF_LIMIT}", path, OFF_LIMIT
        )
    raw_header = read_exact(fd, FILE_HEADER_LEN, 0, path)
    with located(path):
        scanner = Scanner(raw_header, header.base_index)
        rest = b""
        while scanner.off < file_len:
            window, rest = scan_next(fd, path, scanner, file_len)
            if scanner.damage:
                raise Corrupt(scanner.damage, offset=scanner.off, hint=DAMAGED_TAIL)
            if not window.end_pos:
                break
        if rest[:4] == INDEX_MARK and _is_sealed(fd, path, header, scanner.off):
            return Tail(scanner.next_index - header.base_index, scanner.off, True)
        _refuse_signs_of_commit(fd, file_len, path, scanner, crc32c(raw_header))
        if scanner.committed_off == FILE_HEADER_LEN:
            return Tail(0, 0, False)
        segment.check_header(raw_header, header)
        return Tail(scanner.committed_index - header.base_index, scanner.committed_off, False)


def _is_sealed(fd: int, path: str, header: Header, index_off: int) -> bool:
    """Whether a good index frame and its commit stand at `index_off`."""
    try:
        for _batch in SegmentReader(fd, path, header, index_off, sealed=True).batches():
            pass
    except Corrupt:
        return False
    return True


def _refuse_signs_of_commit(fd: int, file_len: int, path: str, scanner: Scanner, header_crc: int) -> None:
    """Raise Corrupt if anything after the last good commit looks as if it had been committed too.

    Either there is a commit frame, unreachable because a frame header before it is damaged; or a frame header has
    the right checksum where a commit would have it, but not a commit's type.
    """
    off = start_off = scanner.committed_off
    crc = header_crc if off == FILE_HEADER_LEN else 0
    buf = b""
    while off + FRAME_HEADER_LEN <= file_len:
        if off + FRAME_HEADER_LEN > start_off + len(buf):
            buf, start_off = read_exact(fd, min(WINDOW_LEN, file_len - off), off, path), off
        kind, value = FRAME_HEADER.unpack_from(buf, off - start_off)
        if off > scanner.committed_off and value == crc:
            raise Corrupt("the commit frame that should be here is damaged", offset=off, hint=DAMAGED_TAIL)
        end_off = off + segment.frame_len(value)
        if kind != FRAME_ENTRY or end_off > file_len or not MIN_ENTRY_LEN <= value <= MAX_ENTRY_LEN:
            break
        while off < end_off:
            if off == start_off + len(buf):
                buf, start_off = read_exact(fd, min(WINDOW_LEN, file_len - off), off, path), off
            piece = memoryview(buf)[off - start_off : end_off - start_off]
            crc, off = crc32c(piece, crc), off + len(piece)
    off = scanner.committed_off
    if read_exact(fd, min(FRAME_HEADER_LEN, file_len - off), off, path).strip(b"\0"):
        commit_off = _find_commit(fd, file_len, path, off)
        if commit_off is not None:
            raise Corrupt(
                f"frames are damaged between here and the commit frame at byte {commit_off}",
                offset=off,
                hint=DAMAGED_TAIL,
            )


def _find_commit(fd: int, file_len: int, path: str, off: int) -> Optional[int]:
    """The first place from `off` (a multiple of 8) on that looks like a commit frame."""
    while off < file_len:
        buf = read_exact(fd, min(WINDOW_LEN, file_len - off), off, path)
        if COMMIT_BYTE in buf:  # gigabytes of zeros may follow a tail
            words = array("I", buf[: len(buf) - len(buf) % FRAME_HEADER_LEN])[::2]
            if COMMIT_WORD in words:
                return off + words.index(COMMIT_WORD) * FRAME_HEADER_LEN
        off += WINDOW_LEN
    return None
