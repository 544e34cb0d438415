# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every single bit of a WAL of 64 KiB that raft-wal has committed, flipped: more than 524,288 refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.stores import flips

SHARDS = 16


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_flipped_bit_of_a_wal_is_refused(shard: int, tmp_path: Path) -> None:
    flips.make_wal(tmp_path / "wal")
    assert sum(flips.committed(tmp_path / "wal").values()) >= flips.LEN_MIN
    count = 0
    for flip in flips.flips(tmp_path / "wal", shard, SHARDS):
        count += 1
        assert flip.error is not None, flip
        assert flip.name in flip.error.path and flip.error.hint, flip
    assert count >= 8 * flips.LEN_MIN // SHARDS
