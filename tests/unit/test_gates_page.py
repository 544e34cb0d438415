# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/gates.md: every gate names a test that is there, and one that `make test` runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.paths import DOCS, TESTS

PAGE = (DOCS / "gates.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
GATES = [row for row in ROWS if row[0] != "Gate"]
FOLDERS = {
    "roles": "unit",
    "roll": "unit/plugins/module_utils",
    "steps": "unit/plugins/plugin_utils",
    "modules": "unit/plugins",
}
TEST = re.compile(r"`((?:[a-z._]+/)*test_\w+\.py)(?:::(test_\w+))?`")
NAMED = TEST.findall(PAGE)
LONG = "test_puts_a_server_back_whose_store_cannot_be_converted"


def path_of(file: str) -> Path:
    return TESTS / FOLDERS.get(file.split("/")[0], "e2e") / file


def is_long(file: str, name: str) -> bool:
    """Whether `make test` leaves it out."""
    text = path_of(file).read_text()
    decorators = re.search(rf"(?m)((?:^@.*\n(?:^[ )\]].*\n)*)*)^def {name}\(", text) if name else None
    return "\npytestmark = pytest.mark.long" in text or bool(
        decorators and re.search(r"(?m)^@pytest\.mark\.long$", decorators[1])
    )


def test_every_gate_has_its_fault_its_message_and_its_test() -> None:
    assert len(GATES) > 30
    assert [row[0] for row in GATES if len(row) != 4 or "test_" not in row[3]] == []


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_is_there(file: str, name: str) -> None:
    path = path_of(file)
    assert f"\ndef {name}(" in path.read_text() if name else path.exists()


@pytest.mark.parametrize("row", GATES, ids=lambda row: row[0][:40])
def test_a_test_of_every_gate_is_in_make_test(row: list[str]) -> None:
    assert not all(is_long(file, name) for file, name in TEST.findall(row[-1]))


def test_what_is_long_is_seen() -> None:
    assert is_long("test_unfinished_rolls.py", "") and is_long("test_roll_stops.py", LONG)
    assert not is_long("test_roll_stops.py", "test_says_at_the_end_that_a_server_has_gone")
