# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of tests/ that a program can check: what tests share is in tests/support, and each thing is there once."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from support.paths import PLUGINS, SUPPORT, TESTS

FILES = sorted(TESTS.rglob("*.py"))
NAMES = [str(path.relative_to(TESTS)) for path in FILES]
MAX_LINES = 300
README = (SUPPORT / "README.md").read_text()
TEST_MODULE = r"(?:[\w.]+\.)?(?:test_\w+|conftest)"
IMPORT = re.compile(
    rf"\bfrom +{TEST_MODULE} +import\b|\bimport +{TEST_MODULE}\b|\bfrom +(?:e2e|interop|long|reliability|unit)\b[\w. ]*"
    rf"import +\(?[\w, ]*\b{TEST_MODULE}\b"
)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("_rules_of_tests.py")])
def test_no_test_imports_from_another_test_or_a_conftest(name: str) -> None:
    """Nor does code in a string, which a test runs in a process of its own."""
    found = [line for line in (TESTS / name).read_text().splitlines() if IMPORT.search(line)]
    assert found == [], "what tests share goes to tests/support"


@pytest.mark.parametrize(
    "line",
    [
        "from e2e.conftest import make_cluster",
        "from e2e.sshd.test_lost_host import hosts_of, is_start",
        "from unit.roles import test_one",
        "    import conftest",
        '"import sys; from unit.test_one import two"',
    ],
)
def test_such_imports_are_seen(line: str) -> None:
    assert IMPORT.search(line) and not IMPORT.search("from e2e import demo")


@pytest.mark.parametrize("name", NAMES)
def test_places_of_the_checkout_are_computed_in_one_file(name: str) -> None:
    """Programs that are started by their path have to find the packages first."""
    lines = (TESTS / name).read_text().splitlines()
    found = [line for line in lines if re.search(r"__file__\).*\bparents?\b", line) and "sys.path" not in line]
    assert found == [] or name == "support/paths.py", "take it from support/paths.py"


@pytest.mark.parametrize("path", [*FILES, *PLUGINS.rglob("*.py")], ids=str)
def test_nothing_is_called_by_a_single_underscore(path: Path) -> None:
    """The sanity tests of every ansible-core refuse that name, minutes later."""
    assert [node.lineno for node in ast.walk(ast.parse(path.read_text())) if getattr(node, "id", "") == "_"] == []


@pytest.mark.parametrize("name", NAMES)
def test_files_are_small(name: str) -> None:
    path = TESTS / name
    lines = path.read_text().count("\n")
    assert lines <= MAX_LINES, f"{lines} lines: is there a second idea in it?"


def test_the_readme_names_every_folder_and_file_at_the_top_of_support() -> None:
    there = {path.name for path in SUPPORT.iterdir() if path.suffix == ".py"}
    there |= {f"{path.name}/" for path in SUPPORT.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert set(re.findall(r"(?m)^\| `([^`]+)` \|", README)) == there


@pytest.mark.parametrize("first", re.findall(r"(?m)\| `([^`]+)` \|$", README))
def test_the_file_to_open_first_is_there(first: str) -> None:
    assert (SUPPORT / first).is_file()
