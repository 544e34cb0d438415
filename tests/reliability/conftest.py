# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk in memory, the stores to start from, and the count of what was covered, which is printed at the end.

RELIABILITY=all in the environment makes the tests try everything instead of a stated sample.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("support.conversions.invariants", "support.conversions.crashes")

from support.cluster.fixtures import end_clusters_of_test, make_cluster
from support.conversions import conversion, situations
from support.conversions.situations import Situation, Template

__all__ = ["end_clusters_of_test", "make_cluster"]

COVERED = "covered"
Cover = Callable[..., None]


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    conversion.small_units(monkeypatch.setattr)


@pytest.fixture
def cover(record_property: Callable[[str, object], None]) -> Cover:
    """cover("kills to WAL", 3): add to what is printed at the end of the session."""

    def add(what: str, count: int = 1) -> None:
        record_property(COVERED, (what, count))

    return add


@pytest.fixture(scope="session")
def everything() -> bool:
    return os.environ.get("RELIABILITY") == "all"


@pytest.fixture(scope="session")
def memory_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tmpfs: things tried thousands of times must not wait for a disk."""
    where = tmp_path_factory.mktemp("memory")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512m", "tmpfs", str(where)], check=True)
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


@pytest.fixture(scope="session")
def templates(memory_disk: Path) -> Callable[[Situation], Template]:
    made: dict[str, Template] = {}

    def get(situation: Situation) -> Template:
        if situation.name not in made:
            made[situation.name] = situations.template(situation, memory_disk)
        return made[situation.name]

    return get


def pytest_configure(config: pytest.Config) -> None:
    """Runs are forked from here, where pytest-xdist has a thread of its own, which holds no lock that they take."""
    config.addinivalue_line("filterwarnings", "ignore:This process .* is multi-threaded:DeprecationWarning")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    total: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == COVERED:
                total[value[0]] += value[1]
    for what in sorted(total):
        terminalreporter.write_line(f"covered: {total[what]} {what}")
