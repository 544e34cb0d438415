# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""400 single-bit flips of a raft.db of 300 entries: what HashiCorp's conversion makes of them, and what ours does.

Pages of raft.db have no checksums, so that a flip inside the data, the time or the term of an entry, or inside a vote,
makes another store, and nothing says that it is not the true one. Everything else is noticed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.hostile import flips
from support.hostile.flips import CRASHED, DIFFERENT, REFUSED, SAME
from support.paths import MEMORY
from support.stores import judge

FLIPS = 400
UNDETECTABLE = {
    "AppendedAt of an entry", "Data of an entry", "Extensions of an entry", "Term of an entry", "Type of an entry",
    "term or vote",
}  # fmt: skip


@pytest.fixture(autouse=True)
def small_units() -> None:
    """The product's own sizes here, not the small ones of the tests of crashes."""


@pytest.fixture
def memory() -> Iterator[Path]:
    where = Path(tempfile.mkdtemp(prefix="flips-", dir=MEMORY))
    yield where
    shutil.rmtree(where)


@pytest.mark.parametrize("seed", [1])
def test_a_flipped_bit_is_noticed_or_could_not_be(seed: int, memory: Path, cover: Callable[..., None]) -> None:
    raft_db = memory / "raft.db"
    judge.judge("gen", "-shape", "plain", "-count", 300, "-size", "200", raft_db)
    truth = judge.digest(raft_db)
    results: Counter[tuple[str, str]] = Counter()
    parts: Counter[str] = Counter()
    for flip in flips.sample(raft_db, FLIPS, seed):
        pair = (
            flips.theirs(raft_db, flip, memory / "theirs", truth),
            flips.ours(raft_db, flip, memory / "ours", truth),
        )
        results[pair] += 1
        if pair[1] == DIFFERENT:
            parts[flip.part] += 1
    for (go, python), count in results.items():
        cover(f"flipped bits of raft.db: Go {go}, ours {python}", count)
    for part, count in parts.items():
        cover(f"flipped bits of raft.db that nobody can notice, in: {part}", count)
    assert set(parts) <= UNDETECTABLE
    assert not [pair for pair in results if pair[1] == CRASHED or (pair[0] != DIFFERENT and pair[1] == DIFFERENT)]
    assert results[DIFFERENT, REFUSED] > 0 and results[SAME, SAME] > 0
