# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action asks, refuses and hands on. What it shares with a conversion is in test_raft_migrate_backend.py."""

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
from ansible_collections.raftops.nomad.plugins.action.server_backend import ActionModule


@pytest.fixture
def module_runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was handed to Ansible to be run on the host."""
    runs: list[dict[str, Any]] = []

    def execute(_action: ActionBase, **kwargs: Any) -> dict[str, Any]:
        runs.append(kwargs)
        return {"changed": True}

    monkeypatch.setattr(ActionBase, "_execute_module", execute)
    return runs


def run(batch: list[str], check_mode: bool = False, **args: Any) -> dict[str, Any]:
    task = Task()
    task.args = args
    task.check_mode = check_mode
    loader = DataLoader()
    connection = plugins.connection_loader.get("local", PlayContext())
    action = ActionModule(task, connection, PlayContext(), loader, Templar(loader=loader), plugins)
    hosts = {"inventory_hostname": "h1", "ansible_play_hosts_all": ["h1", "h2"], "ansible_play_batch": batch}
    return action.run(task_vars=hosts)


@pytest.mark.parametrize(
    "args, statement",
    [
        ({}, "A Nomad server is stopped, brought to wal, and started."),
        ({"backend": "boltdb"}, "brought to boltdb"),
        ({"state": "returned", "backend": ""}, "taken back from wal to the backend it came from"),
    ],
)
def test_it_asks(
    monkeypatch: pytest.MonkeyPatch, module_runs: list[dict[str, Any]], args: dict[str, Any], statement: str
) -> None:
    asked = []

    def prompt_until(_display: Display, text: str, seconds: int) -> bytes:
        asked.append(text)
        return b"no"

    monkeypatch.setattr(Display, "prompt_until", prompt_until)
    with pytest.raises(AnsibleActionFail, match="Nothing was changed"):
        run(["h1"], **args)
    assert statement in asked[0] and module_runs == []


def test_never_two_servers_at_once(module_runs: list[dict[str, Any]]) -> None:
    with pytest.raises(AnsibleActionFail, match="2 servers would be stopped at once: h1, h2"):
        run(["h1", "h2"], force=True)
    assert module_runs == []
    assert run(["h1", "h2"], check_mode=True)["changed"]
    assert run(["h1"], force=True)["changed"]


def test_the_rest_is_handed_on(module_runs: list[dict[str, Any]]) -> None:
    run(["h1"], force=True, workers=0, backup=False)
    args = module_runs[0]["module_args"]
    assert args.pop("progress_file").startswith("/run/server_backend-")
    assert args == {"force": True, "workers": 0, "backup": False}
    assert module_runs[0]["module_name"] == "raftops.nomad.server_backend"
