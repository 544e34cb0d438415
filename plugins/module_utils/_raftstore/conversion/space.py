# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much free space a conversion asks for. Pure."""

from __future__ import annotations

MIB = 1 << 20
META_LEN = 1 << 18  # room for wal-meta.db, the journal and directory blocks
BOLTDB_GROWTH = 16 << 20  # bbolt makes the file longer by so much when it needs pages (db.go, AllocSize)
BOLTDB_ENTRY_LEN = 96  # what an entry takes at most more than in a WAL: element, key, the names of its fields


def required_bytes(live_len: int, wal_segment_size: int) -> int:
    """Free space that a conversion asks for: all entries, the metadata, and the segment that Nomad allocates next."""
    return live_len + wal_segment_size * MIB + META_LEN


def required_bytes_back(live_len: int, entry_count: int, page_size: int) -> int:
    """The same for the way back. How full the pages get follows from how many average entries fit into one."""
    length = live_len + entry_count * BOLTDB_ENTRY_LEN
    average = length // entry_count if entry_count else 0
    unused = average * average // (page_size - average) if average < page_size // 2 else page_size
    return length + entry_count * unused + BOLTDB_GROWTH + META_LEN


def estimated_bytes_back(files_len: int) -> int:
    """About what `required_bytes_back` will be for a WAL whose files have this length. The entries are not counted.

    Entries of 110 bytes to half a page take at most twice as much in BoltDB as in a WAL.
    """
    return 2 * files_len + BOLTDB_GROWTH + META_LEN
