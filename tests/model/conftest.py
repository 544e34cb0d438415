# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of each search, told when all is done."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from model.checker import Checked

FIGURES = "figures"


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str, Checked], None]:
    """Note the figures of a search. They travel with the report, which another process may have made."""
    return lambda name, checked: record_property(FIGURES, json.dumps([name, checked.figures(), checked.error]))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]
    told = [json.loads(str(text)) for report in reports for key, text in report.user_properties if key == FIGURES]
    for name, figures, error in sorted(told):
        terminalreporter.write_line(f"{name}: {figures}{'; found: ' + error if error else ''}")
