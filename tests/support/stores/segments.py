# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Segment files for tests, put together frame by frame without the code under test."""

from __future__ import annotations

import struct
from typing import Any, Dict, List, Sequence

from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.entry import Entry, encode_binary
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.gotime import GoTime

# Written by raft-wal: base index 5, id 1, the entries 5 and 6, one commit.
GOLDEN = bytes.fromhex(
    "0d6beb580000000005000000000000000100000000000000010000000000000001000000170000000507000352fdfc00"
    "010000000ee0e92ca5287735f2ffff00"
    "01000000170000000607000307218200010000000ee0e92ca528867832ffff0003000000755308a4"
)


def crc32c(data: bytes, crc: int = 0) -> int:
    """CRC-32C bit by bit."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _bit in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def payloads(first: int, sizes: Sequence[int]) -> List[bytes]:
    """Entries from this index on with data of these sizes."""
    return [
        encode_binary(
            Entry(first + number, 2, 0, bytes((7 * number + 1) % 256 for _i in range(size)), b"", GoTime(9, 9))
        )
        for number, size in enumerate(sizes)
    ]


class Built:
    """A segment file's bytes, and where its frames are."""

    def __init__(self, base_index: int = 1, segment_id: int = 1) -> None:
        self.raw = struct.pack("<IIQQQ", 0x58EB6B0D, 0, base_index, segment_id, 1)
        self.entry_offs: List[int] = []
        self.commit_ends: Dict[int, int] = {}  # end of a commit -> entries up to there
        self.index_start = 0
        self._batch_off = 0

    def frame(self, kind: int, payload: bytes) -> Built:
        self.raw += struct.pack("<BxxxI", kind, len(payload)) + payload + bytes(-len(payload) % 8)
        return self

    def entries(self, items: Sequence[bytes]) -> Built:
        for item in items:
            self.entry_offs.append(len(self.raw))
            self.frame(1, item)
        return self

    def commit(self) -> Built:
        self.raw += struct.pack("<BxxxI", 3, crc32c(self.raw[self._batch_off :]))
        self._batch_off = len(self.raw)
        self.commit_ends[len(self.raw)] = len(self.entry_offs)
        return self

    def index(self) -> Built:
        self.index_start = len(self.raw) + 8
        return self.frame(2, struct.pack(f"<{len(self.entry_offs)}I", *self.entry_offs))


def batches(base_index: int, counts: Sequence[int], size: int = 11, **more: Any) -> Built:
    """An unsealed segment with a commit after each of these numbers of entries."""
    built = Built(base_index, **more)
    items = payloads(base_index, [size + number % 5 for number in range(sum(counts))])
    for count in counts:
        built.entries(items[:count]).commit()
        items = items[count:]
    return built
