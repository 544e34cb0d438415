# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped role as text, for tests of what its files say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from support.paths import PLAYBOOKS, ROLE

TASKS = sorted((ROLE / "tasks").rglob("*.yml"))
STEPS = ("ansible.builtin.import_tasks", "ansible.builtin.include_tasks")


def nodes(content: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a parsed file: plays, blocks, tasks."""
    if isinstance(content, dict):
        yield content
        for value in content.values():
            yield from nodes(value)
    elif isinstance(content, list):
        for value in content:
            yield from nodes(value)


def parsed(path: Path) -> Any:
    """What is in a YAML file."""
    return yaml.safe_load(path.read_text())


def plays_of(name: str) -> list[dict[str, Any]]:
    """All plays of a playbook in their order, with those that it imports."""
    found = []
    for play in parsed(PLAYBOOKS / f"{name}.yml"):
        imported = play.get("ansible.builtin.import_playbook")
        found += plays_of(Path(imported).stem) if imported else [play]
    return found


def imported(play: dict[str, Any]) -> list[dict[str, Any]]:
    """The roles that the tasks of a play import, as they are given."""
    return [task["ansible.builtin.import_role"] for task in play["tasks"] if "ansible.builtin.import_role" in task]
