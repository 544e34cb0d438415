# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making one sealed WAL segment in a new file. Never a whole segment in memory: about a megabyte is written at once.

Which segments a log has is for writer.py to say.
"""

from __future__ import annotations

from itertools import accumulate
from typing import List, Sequence

from ..._disk.durable import NewFile
from ..._disk.errors import IndexGap, Refused
from ..base.store import Entries, Rows
from . import segment
from .crc32c import crc32c
from .segment import (
    FILE_HEADER_LEN,
    FRAME_COMMIT,
    FRAME_ENTRY,
    FRAME_HEADER,
    FRAME_HEADER_LEN,
    FRAME_INDEX,
    MAX_ENTRY_LEN,
    PADDING,
    Header,
)

WINDOW_LEN = 1 << 20
FEW = 64  # buffers that are summed and written one by one; more are joined first


class SegmentWriter:
    """Makes one sealed segment in a new file, which stays the caller's: entries in order, one commit over all of them.

    One commit is enough: raft-wal checks commits only in the tail, and our reader checks this one.
    """

    def __init__(self, new: NewFile, header: Header) -> None:
        self._new = new
        self._pending: List[bytes] = [segment.pack_header(header)]
        self._pending_len = FILE_HEADER_LEN
        self._index, self._crc = bytearray(), 0
        self.next_index = header.base_index

    def sealed_len(self) -> int:
        """Bytes that the file will have if it is sealed now."""
        return self._new.length + self._pending_len + segment.frame_len(len(self._index)) + FRAME_HEADER_LEN

    def append(self, entries: Entries) -> None:
        """Write these entries. Raises IndexGap unless they follow on, and whatever writing raises.

        Rows must have the frames of a WAL around them.
        """
        start_off = self._new.length + self._pending_len
        if isinstance(entries, Rows):
            self._check(entries, [entries.length])
            blob = entries.framed
            offs: Sequence[int] = range(start_off, start_off + len(blob), entries.stride)
            self._pending.append(blob)
            self._pending_len += len(blob)
        else:
            raws, lens = entries.raws, list(map(len, entries.raws))
            self._check(entries, lens)
            frame_lens = {length: segment.frame_len(length) for length in set(lens)}
            heads = {length: FRAME_HEADER.pack(FRAME_ENTRY, length) for length in frame_lens}
            offs = list(accumulate([frame_lens[length] for length in lens], initial=start_off))
            pieces: List[bytes] = [b""] * (3 * len(raws))
            pieces[0::3] = [heads[length] for length in lens]
            pieces[1::3] = raws
            pieces[2::3] = [PADDING[length & 7] for length in lens]
            self._pending += pieces
            self._pending_len += offs.pop() - start_off
        self._index += segment.pack_offs(offs)
        self.next_index = entries.last_index + 1
        if self._pending_len >= WINDOW_LEN:
            self._flush()

    def _check(self, entries: Entries, lens: Sequence[int]) -> None:
        if entries.first_index != self.next_index:
            raise IndexGap(f"entry {entries.first_index} follows entry {self.next_index - 1}, but a WAL has no holes")
        if max(lens, default=0) > MAX_ENTRY_LEN:
            index, length = next(pair for pair in enumerate(lens, entries.first_index) if pair[1] > MAX_ENTRY_LEN)
            raise Refused(
                f"entry {index} would take {length} bytes in a WAL, which cannot read more than {MAX_ENTRY_LEN}",
                hint="Take a snapshot so that the log no longer needs this entry, or stay on BoltDB.",
            )

    def _flush(self) -> None:
        if len(self._pending) > FEW or self._pending_len < WINDOW_LEN // 8:
            self._pending = [b"".join(self._pending)]
        for piece in self._pending:
            self._crc = crc32c(piece, self._crc)
        off = self._new.length
        self._new.write(self._pending)
        self._new.write_back(off, self._new.length)
        self._pending, self._pending_len = [], 0

    def seal(self) -> int:
        """Write index and commit, and sync. Returns where the index begins, after its frame header."""
        index_off = self._new.length + self._pending_len
        index_len = len(self._index)
        self._pending += (FRAME_HEADER.pack(FRAME_INDEX, index_len), bytes(self._index), PADDING[index_len & 7])
        self._flush()
        self._new.write([FRAME_HEADER.pack(FRAME_COMMIT, self._crc)])
        self._new.sync()
        return index_off + FRAME_HEADER_LEN
