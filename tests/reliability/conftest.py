# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The count of what was covered, which is printed at the end.

RELIABILITY=all in the environment makes the tests try everything instead of a stated sample.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

import pytest

COVERED = "covered"
Cover = Callable[..., None]


@pytest.fixture
def cover(record_property: Callable[[str, object], None]) -> Cover:
    """cover("kills to WAL", 3): add to what is printed at the end of the session."""

    def add(what: str, count: int = 1) -> None:
        record_property(COVERED, (what, count))

    return add


@pytest.fixture(scope="session")
def everything() -> bool:
    return os.environ.get("RELIABILITY") == "all"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    total: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == COVERED:
                total[value[0]] += value[1]
    for what in sorted(total):
        terminalreporter.write_line(f"covered: {total[what]} {what}")
