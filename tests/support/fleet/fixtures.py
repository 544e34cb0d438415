# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixture `standins`: whatever a test has started of a fleet has ended when the test has, however that ended.

A conftest.py imports it for the tests beside it and below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.fleet.fleet import StandIns

MakeStandIns = Callable[..., StandIns]


@pytest.fixture
def standins(tmp_path: Path) -> Iterator[MakeStandIns]:
    """standins(names, **options of StandIns) -> a fleet of stand-ins in the test's directory."""
    made: list[StandIns] = []

    def make(names: Sequence[str], **options: Any) -> StandIns:
        made.append(StandIns(tmp_path, names, **options))
        return made[-1]

    yield make
    for fleet in made:
        fleet.close()
