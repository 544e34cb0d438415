# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""No single flipped bit of what raft-wal has committed gets through. Every 127th here; `make test-long` does all."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.stores import flips

STEP = 127  # odd, so that every bit of a byte gets its turn
SHARDS = 16


def assert_each_is_refused(root: Path, first: int, step: int) -> None:
    """Every step-th bit from the first on."""
    flips.make_wal(root / "wal")
    lengths = flips.committed(root / "wal")
    assert len(lengths) >= 4 and sum(lengths.values()) >= flips.LEN_MIN
    count = 0
    for flip in flips.flips(root / "wal", first, step):
        count += 1
        assert flip.error is not None, flip
        assert flip.name in flip.error.path and flip.error.hint, flip
    assert count >= 8 * flips.LEN_MIN // step


def test_every_127th_flipped_bit_of_a_wal_is_refused(tmp_path: Path) -> None:
    assert_each_is_refused(tmp_path, 0, STEP)


@pytest.mark.long
@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_flipped_bit_of_a_wal_is_refused(shard: int, tmp_path: Path) -> None:
    """More than 524,288 of them."""
    assert_each_is_refused(tmp_path, shard, SHARDS)


def test_every_bit_of_the_last_batch_of_the_tail_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """Damage there cannot be told from a torn write, which Nomad itself would cut off."""
    flips.make_wal(tmp_path / "wal")
    name, length = max(flips.committed(tmp_path / "wal").items())
    raw = (tmp_path / "wal" / name).read_bytes()[:length]
    last_batch = raw.rindex(b"\x03\0\0\0", 0, length - 8) + 8
    assert 150 < length - last_batch < 400
    for flip in flips.flips_of(tmp_path / "wal", name, range(8 * last_batch, 8 * length)):
        assert flip.error is not None, flip
        assert "start the Nomad server on this WAL once" in flip.error.hint and "stop it" in flip.error.hint
