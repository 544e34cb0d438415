# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/gates.md: every gate names a test, and every test that it names is there."""

from __future__ import annotations

import re

import pytest
from support.paths import DOCS, TESTS

PAGE = (DOCS / "gates.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
GATES = [row for row in ROWS if row[0] != "Gate"]
FOLDERS = {"roles": "unit", "roll": "unit/plugins/module_utils"}
NAMED = re.findall(r"`((?:[a-z.]+/)*test_\w+\.py)(?:::(test_\w+))?`", PAGE)


def test_every_gate_has_its_fault_its_message_and_its_test() -> None:
    assert len(GATES) > 30
    assert [row[0] for row in GATES if len(row) != 4 or "test_" not in row[3]] == []


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_is_there(file: str, name: str) -> None:
    path = TESTS / FOLDERS.get(file.split("/")[0], "e2e") / file
    assert f"\ndef {name}(" in path.read_text() if name else path.exists()
