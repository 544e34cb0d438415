# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged and lying raft.db and wal/: refused in a sentence, or read as HashiCorp's own libraries read them.

A raft.db has no checksums but those of its metas, so damage inside a value, or in a field whose new value is possible,
too, cannot be noticed by anybody. What we read from such a file must then be what Nomad would read.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.hostile import run as hostile_run
from support.hostile.corpus import META, RAFT_DB
from support.hostile.place import Place, read
from support.hostile.run import DIFFERENT, REFUSED, SAME
from support.stores import judge

ALL = os.environ.get("RELIABILITY") == "all"
INPUTS = 1_000_000 if ALL else 8_000
SHARDS = 64 if ALL else 8
JUDGED = 200 if ALL else 25  # of the inputs of a shard that were read with other content


@pytest.fixture(autouse=True)
def small_units() -> None:
    """The product's own sizes here, not the small ones of the tests of crashes."""


@pytest.mark.parametrize("shard", range(SHARDS))
def test_damaged_stores_are_refused_or_read_as_they_are(shard: int, cover: Callable[..., None], tmp_path: Path) -> None:
    numbers = range(shard * INPUTS // SHARDS, (shard + 1) * INPUTS // SHARDS)
    seen = hostile_run.run(numbers)
    assert seen.findings == []
    assert sum(seen.counts.values()) == len(numbers)
    for result in (REFUSED, SAME, DIFFERENT):
        count = sum(number for name, number in seen.counts.items() if name.endswith(result))
        assert count > 0, result
        cover(f"damaged stores {result}", count)
    for number in seen.different[:JUDGED]:
        compare(number, tmp_path)
        cover("damaged stores compared with what HashiCorp's libraries read")


def compare(number: int, where: Path) -> None:
    """Our reading of an input and the judge's are the same."""
    place = Place(where / str(number))
    sound, damaged = hostile_run.the_input(number)
    place.put(damaged)
    name = META if META in sound.files else RAFT_DB
    if not damaged.files[name]:
        return  # bbolt begins a new database in an empty file, and the judge may not write
    digest, stable = read(place, name)
    theirs = judge.digest(place.raft / name.partition("/")[0])
    assert digest == theirs.digest, f"input {number}"
    for key, value in theirs.stable.items():
        assert as_json(stable[key] or type(value)()) == value, f"input {number}: {key}"
    shutil.rmtree(where / str(number))


def as_json(value: str | int) -> str | int:
    """What Go's encoder makes of it: each byte that is no UTF-8 becomes U+FFFD, where ours shows the byte."""
    return re.sub(r"\\x[0-9a-f]{2}", "\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else value
