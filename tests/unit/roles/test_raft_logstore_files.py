# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped role and playbooks as text: keywords with which a roll goes on after a failure, and order of steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[3]
ROLE = CHECKOUT / "roles" / "raft_logstore"
ROLL = "raft_logstore_queue"
FORBIDDEN = {"any_errors_fatal", "max_fail_percentage", "run_once", "ignore_unreachable", "ignore_errors"}
# Files of the role that are for plays on all servers at once, never for the roll.
STEPS = ("ansible.builtin.import_tasks", "ansible.builtin.include_tasks")
NOT_IN_THE_ROLL = {"look.yml", "plan.yml", "cluster.yml", "finish.yml", "status.yml"}


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
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", sorted((ROLE / "tasks").glob("*.yml")), ids=lambda path: path.name)
def test_no_task_of_the_role_lets_a_roll_go_on(path: Path) -> None:
    found = [(node.get("name"), FORBIDDEN & set(node)) for node in nodes(parsed(path)) if FORBIDDEN & set(node)]
    assert found == []
    assert not [node for node in nodes(parsed(path)) if "end_" in str(node.get("ansible.builtin.meta", ""))]


def test_the_roll_takes_one_server_at_a_time_and_stops_at_the_first_failure() -> None:
    plays = {play["hosts"]: play for play in parsed(CHECKOUT / "playbooks" / "migrate.yml")}
    assert plays[ROLL]["serial"] == 1
    assert not FORBIDDEN & set(plays[ROLL])
    assert [role["role"] for role in plays[ROLL]["roles"]] == ["raftops.nomad.raft_logstore"]


def test_every_play_before_the_roll_ends_everything_when_one_server_fails() -> None:
    plays = parsed(CHECKOUT / "playbooks" / "migrate.yml")
    before = plays[: [play["hosts"] for play in plays].index(ROLL)]
    assert before
    assert all(play["any_errors_fatal"] for play in before)


def test_the_first_task_of_the_role_is_the_interlock() -> None:
    first, *_rest, last = parsed(ROLE / "tasks" / "main.yml")
    assert "raft_logstore_left | length == 0" in first["ansible.builtin.assert"]["that"]
    assert "ansible_play_batch | length == 1" in first["ansible.builtin.assert"]["that"]
    assert last["ansible.builtin.set_fact"] == {"raft_logstore_done": True}


def test_files_of_the_roll_are_all_reached_from_main() -> None:
    """So that a file left out of NOT_IN_THE_ROLL by mistake is noticed, and no file is dead."""
    reached, waiting = set(), ["main.yml"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            tasks = nodes(parsed(ROLE / "tasks" / name))
            waiting += [node[verb] for node in tasks for verb in STEPS if verb in node]
    assert reached | NOT_IN_THE_ROLL == {path.name for path in (ROLE / "tasks").glob("*.yml")}


def test_between_stop_and_start_there_are_configuration_and_conversion_in_this_order() -> None:
    steps = [task["ansible.builtin.import_tasks"] for task in parsed(ROLE / "tasks" / "one_server.yml")]
    between = steps[steps.index("stop.yml") + 1 : steps.index("start.yml")]
    assert between == ["config.yml", "convert.yml"]
    assert [len(parsed(ROLE / "tasks" / name)) for name in between] == [1, 1]


def test_every_variable_with_a_default_is_specified_with_the_same_default() -> None:
    specs = parsed(ROLE / "meta" / "argument_specs.yml")["argument_specs"]
    defaults = parsed(ROLE / "defaults" / "main.yml")
    assert specs["main"]["options"] == specs["plan"]["options"]
    specified = {name: spec["default"] for name, spec in specs["main"]["options"].items() if "default" in spec}
    assert specified == defaults
