# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action asks, and what it hands to the module. Real runs are in tests/e2e/test_adhoc_*.py."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins import loader as plugins
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.action.raft_migrate_backend import ActionModule

HOSTS = {"inventory_hostname": "h1", "ansible_play_hosts_all": ["h1", "h2", "h3"]}


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Questions that somebody at the terminal was asked, and answered with no."""
    asked: list[str] = []

    def prompt_until(_display: Display, text: str, seconds: int) -> bytes:
        asked.append(text)
        return b"no"

    monkeypatch.setattr(Display, "prompt_until", prompt_until)
    return asked


@pytest.fixture
def module_runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was handed to Ansible to be run on the host."""
    runs: list[dict[str, Any]] = []

    def execute(action: ActionBase, **kwargs: Any) -> dict[str, Any]:
        runs.append({**kwargs, "check_mode": action._task.check_mode})
        return {"changed": True}

    monkeypatch.setattr(ActionBase, "_execute_module", execute)
    return runs


def run(check_mode: bool = False, **args: Any) -> dict[str, Any]:
    task = Task()
    task.args = args
    task.check_mode = check_mode
    loader = DataLoader()
    connection = plugins.connection_loader.get("local", PlayContext())
    action = ActionModule(task, connection, PlayContext(), loader, Templar(loader=loader), plugins)
    return action.run(task_vars=dict(HOSTS))


@pytest.mark.parametrize("force", [None, False, "false", "no", "0", ""])
def test_without_force_it_asks_and_names_all_hosts_of_the_play(
    questions: list[str], module_runs: list[dict[str, Any]], force: Any
) -> None:
    args = {} if force is None else {"force": force}
    with pytest.raises(AnsibleActionFail, match="Nothing was changed"):
        run(data_dir="/data", backend="boltdb", **args)
    assert len(questions) == 1
    assert "converted to boltdb" in questions[0]
    assert "3 hosts: h1, h2, h3" in questions[0]
    assert [call["check_mode"] for call in module_runs] == [True]


def test_what_the_host_refuses_is_refused_before_anybody_is_asked(
    questions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = {"failed": True, "msg": "the store is in use", "changed": False}
    monkeypatch.setattr(ActionBase, "_execute_module", lambda _action, **_given: dict(refused))
    assert run(data_dir="/data") == refused and questions == []


@pytest.mark.parametrize("force", [True, "true", "yes", "1"])
def test_with_force_it_does_not_ask(questions: list[str], module_runs: list[dict[str, Any]], force: Any) -> None:
    assert run(data_dir="/data", force=force)["changed"] is True
    assert questions == []
    assert module_runs[0]["module_name"] == "raftops.nomad.raft_migrate_backend"


def test_check_mode_never_asks_and_shows_no_progress(questions: list[str], module_runs: list[dict[str, Any]]) -> None:
    run(check_mode=True, data_dir="/data")
    assert questions == []
    assert module_runs[0]["module_args"] == {"data_dir": "/data"}


def test_each_run_has_a_progress_file_of_its_own(questions: list[str], module_runs: list[dict[str, Any]]) -> None:
    for _attempt in range(2):
        run(data_dir="/data", force=True)
    run(data_dir="/data", force=True, progress_file="/run/mine")
    paths = [call["module_args"]["progress_file"] for call in module_runs]
    assert paths[0] != paths[1]
    assert all(path.startswith("/run/raft_migrate_backend-") for path in paths[:2])
    assert paths[2] == "/run/mine"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"data_dir": "/d", "backned": "wal"}, "has no option backned. Did you mean backend?"),
        ({"data_dir": "/d", "backend": "WAL"}, "value of backend must be one of: wal, boltdb, got: WAL"),
        ({"data_dir": "/d", "workers": "many"}, "workers"),
        ({"backend": "wal"}, "missing required arguments: data_dir"),
        ({"data_dir": "", "backend": "wal"}, "missing required arguments: data_dir"),
    ],
)
def test_a_mistake_is_refused_before_anybody_is_asked(
    questions: list[str], module_runs: list[dict[str, Any]], args: dict[str, Any], words: str
) -> None:
    with pytest.raises(AnsibleActionFail) as raised:
        run(**args)
    assert "raftops.nomad.raft_migrate_backend" in str(raised.value)
    assert words in str(raised.value) and "Nothing was changed." in str(raised.value)
    assert questions == [] and module_runs == []
