# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A message that names a page of the documentation names an address, and there is such a page with such a section."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import PAGES, REJOIN, page
from support.paths import CHECKOUT, DOCS

CODE = sorted((CHECKOUT / "plugins").rglob("*.py"))
PLAYS = sorted(path for folder in ("roles", "playbooks") for path in (CHECKOUT / folder).rglob("*.yml"))
NAMED = re.compile(r"\bpage\(['\"]([a-z-]+)['\"], ['\"]([a-z0-9-]+)['\"]\)")


def sections(name: str) -> list[str]:
    """The names of a page's sections as GitHub makes them of the titles."""
    titles = re.findall(r"(?m)^#+ (.*)$", (DOCS / f"{name}.md").read_text())
    return [re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-") for title in titles]


def texts(path: Path) -> list[str]:
    """The texts in a file of code, without what only its readers see."""
    tree = ast.parse(path.read_text())
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef)
    told = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, holders) and ast.get_docstring(node)}
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in told)
    return [node.value for node in found if isinstance(node.value, str)]


def test_the_address_is_the_one_that_the_collection_gives_for_its_documentation() -> None:
    assert yaml.safe_load((CHECKOUT / "galaxy.yml").read_text())["documentation"] == PAGES


def test_every_section_that_a_message_names_is_there() -> None:
    named = [found for path in CODE for found in NAMED.findall(path.read_text())]
    assert len(named) >= 2
    for name, section in named:
        assert section in sections(name), f"{name}.md has no section {section}"


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_no_message_names_a_page_in_another_way(path: Path) -> None:
    assert [text for text in texts(path) if re.search(r"docs/|\.md\b", text) and text not in (PAGES, ".md#")] == []


@pytest.mark.parametrize("path", PLAYS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_no_play_names_a_page_in_another_way(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    assert [line for line in lines if re.search(r"docs/|\.md\b", line)] == []


def test_an_address_is_whole() -> None:
    assert page("runbook", "acls") == f"{PAGES}/runbook.md#acls"
    assert f"{PAGES}/runbook.md#when-not-to-use-this-wipe-and-rejoin " in REJOIN
