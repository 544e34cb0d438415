# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a flush takes: bounded, and nothing is left."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._measure.syncs import COUNT, syncs


class Ticks:
    """A clock on which each look is some time after the one before."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_a_real_disk(tmp_path: Path) -> None:
    with closing(Directory.open(str(tmp_path))) as directory:
        found = syncs(directory)
    assert 0 < found.median_ms <= found.p99_ms <= found.max_ms and 1 <= found.number <= COUNT
    assert list(tmp_path.iterdir()) == []


def test_a_slow_disk_is_not_kept_busy_for_long(tmp_path: Path) -> None:
    with closing(Directory.open(str(tmp_path))) as directory:
        found = syncs(directory, Ticks(0.3))
    assert (found.number, found.median_ms) == (3, 300.0)
