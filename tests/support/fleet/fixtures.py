# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of a fleet: whatever a test has started of it has ended when the test has, however that ended.

A conftest.py imports them for the tests beside it and below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.fleet.ending import end_all
from support.fleet.fleet import StandIns

MakeStandIns = Callable[..., StandIns]


@pytest.fixture
def standins(tmp_path: Path) -> Iterator[MakeStandIns]:
    """standins(names, **options of StandIns) -> a fleet of stand-ins in the test's directory."""

    def make(names: Sequence[str], **options: Any) -> StandIns:
        return StandIns(tmp_path, names, **options)

    yield make
    end_all(tmp_path)


@pytest.fixture(scope="module")
def fleet_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory for a fleet of real clusters. Its rolls end before their clusters do: ask for it after those."""
    place = tmp_path_factory.mktemp("fleet")
    yield place
    end_all(place)
