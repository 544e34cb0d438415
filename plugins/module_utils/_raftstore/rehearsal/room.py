# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much free space a rehearsal asks for beside a running server, and when it gives up. Pure."""

from __future__ import annotations

from ..base.store import WAL
from ..conversion.space import estimated_bytes_back, required_bytes

MIB = 1 << 20
MARGIN_LEAST = 256 * MIB
MARGIN_PART = 20  # a twentieth of the file system


def margin_bytes(file_system_len: int) -> int:
    """Free space that is left to the server whatever happens."""
    return max(MARGIN_LEAST, file_system_len // MARGIN_PART)


def needed_bytes(store_len: int, there: int, backend: str, wal_segment_size: int) -> int:
    """What a rehearsal takes at most, of a store of this length on this backend.

    All blocks of the clone, which the server may overwrite; the other store, `there` bytes; the first store once more.
    """
    back = required_bytes(store_len, wal_segment_size) if backend == WAL else estimated_bytes_back(store_len)
    return store_len + there + back
