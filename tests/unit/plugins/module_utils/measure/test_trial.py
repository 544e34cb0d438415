# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversions of stores that are made for it: real ones, both ways, of which nothing is left."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._measure import trial as module
from ansible_collections.raftops.nomad.plugins.module_utils._measure.trial import trial


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Directory]:
    monkeypatch.setattr(module, "SMALL", 100_000)
    monkeypatch.setattr(module, "LARGE", 400_000)
    (tmp_path / "scratch").mkdir(mode=0o700)
    with contextlib.closing(Directory.open(str(tmp_path / "scratch"))) as directory:
        yield directory


@pytest.mark.parametrize("backend", ["wal", "boltdb"])
@pytest.mark.parametrize(
    ("entries", "data_bytes", "made", "large"),
    [
        (1_000_000, 1_000_000, 256, 400_000),
        (1000, 1_000_000, 1000, 400_000),
        (300, 300_000, 1000, 300_000),  # no larger than the log itself
        (20, 1_000_000, 50_000, 400_000),
        (1, 1, 256, 200_000),
    ],
)
def test_each_size_is_converted(
    scratch: Directory, backend: str, entries: int, data_bytes: int, made: int, large: int
) -> None:
    found = trial(scratch, entries, data_bytes, backend)
    assert [run.entries for run in found] == [max(2, 100_000 // made), large // made] * module.REPEATS
    assert all(run.seconds > 0 and run.data_bytes == run.entries * made for run in found)
    assert scratch.names() == []


def test_the_space_that_is_asked_for_is_bounded() -> None:
    assert module.needs(10**12) == 2 * module.LARGE + (128 << 20) > module.needs(0) > 2 * (64 << 20)


def test_the_store_has_what_was_asked_for(scratch: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen by the conversion itself, which checks every entry."""
    seen: list[Any] = []
    convert = module.migrate
    monkeypatch.setattr(module, "migrate", lambda request: seen.append(convert(request)))
    trial(scratch, 1000, 1_000_000, "wal")
    assert [(one.entries, one.verified, one.backend) for one in seen] == [(100, 100, "wal"), (400, 400, "wal")] * 3
    assert 350_000 < seen[1].bytes_written < 480_000, "400 entries of 1000 bytes in the mean"


def test_the_way_back_is_a_conversion_too(scratch: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old store is not just put back: in a roll it lacks what was written since."""
    seen: list[Any] = []
    convert = module.migrate

    def watched(request: Any) -> Any:
        seen.append(convert(request))
        return seen[-1]

    monkeypatch.setattr(module, "migrate", watched)
    trial(scratch, 1000, 1_000_000, "boltdb")
    back = seen[1::2]
    assert [(one.backend, one.verified) for one in back] == [("boltdb", 100), ("boltdb", 400)] * 3
    assert all(one.bytes_written > 100_000 for one in back)


def test_the_server_goes_before(scratch: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be the leader: whatever it wants to run runs first. What is idle is used as a roll uses it."""
    seen: list[tuple[int, int]] = []
    convert = module.migrate
    before = os.getpriority(os.PRIO_PROCESS, 0)

    def watched(request: Any) -> Any:
        seen.append((os.getpriority(os.PRIO_PROCESS, 0), request.workers))
        return convert(request)

    monkeypatch.setattr(module, "migrate", watched)
    trial(scratch, 1000, 1_000_000, "wal")
    assert set(seen) == {(19, 0)}
    assert os.getpriority(os.PRIO_PROCESS, 0) == (before if os.geteuid() == 0 else 19)
