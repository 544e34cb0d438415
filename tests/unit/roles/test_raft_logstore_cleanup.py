# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In the text of the role and the playbooks there is no way by which old stores are removed unasked."""

from __future__ import annotations

import re

from support.paths import PLAYBOOKS, PLUGINS
from support.rolls.roletext import STEPS, TASKS, imported, nodes, parsed, plays_of

CLEANUP = ["look", "cleanup_look", "cleanup_ask", "cleanup_remove"]


def roles(name: str) -> list[str]:
    """What the plays of a playbook take from the role."""
    return [role.get("tasks_from", "main") for play in plays_of(name) if "tasks" in play for role in imported(play)]


def test_old_stores_are_removed_only_after_all_servers_were_judged_and_somebody_was_asked() -> None:
    plays = plays_of("cleanup")
    assert all(play["any_errors_fatal"] for play in plays)
    assert [role["tasks_from"] for role in imported(plays[-1])] == CLEANUP
    asked = [task for task in plays[-1]["tasks"] if imported({"tasks": [task]})[0]["tasks_from"] == "cleanup_ask"]
    assert [(task["run_once"], "when" in task) for task in asked] == [(True, False)]
    said = [key for task in plays[-1]["tasks"] for key in ("when", "tags", "ignore_errors") if key in task]
    assert said == []


def test_old_stores_are_removed_by_one_task_of_one_file_that_no_other_file_takes_in() -> None:
    """No task runs the module itself, and of the steps only two do, one of them always in a rehearsal."""
    modules = [
        path.name for path in TASKS for node in nodes(parsed(path)) if "raftops.nomad.raft_backup_remove" in node
    ]
    steps = [(path.name, node["step"]) for path in TASKS for node in nodes(parsed(path)) if "step" in node]
    assert modules == [] and [file for file, step in steps if step == "remove_old"] == ["cleanup_remove.yml"]
    taken_in = [str(node[verb]) for path in TASKS for node in nodes(parsed(path)) for verb in STEPS if verb in node]
    assert [file for file in taken_in if "cleanup" in file] == []
    playbooks = [path.stem for path in PLAYBOOKS.glob("*.yml") for role in roles(path.stem) if role == "cleanup_remove"]
    assert playbooks == ["cleanup"]
    code = {path.name: path.read_text() for path in (PLUGINS / "plugin_utils/_steps").glob("*.py")}
    runs = {name: re.findall(r"\brun\([^\n]*\bOLD\b[^\n]*", text) for name, text in code.items() if "OLD" in text}
    assert runs == {
        "modules.py": [],
        "cleanup.py": [
            'run("Find the old stores", OLD, _which(given), rehearses=True)',
            'run("Remove the old stores", OLD, _which(given))',
        ],
    }
    assert {name for name, text in code.items() if "raft_backup_remove" in text} == {"modules.py"}
