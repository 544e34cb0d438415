# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When raft_confirm asks, and what. Real terminals are in tests/e2e/test_adhoc_confirm.py."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins import loader as plugins
from ansible.template import Templar
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.action.raft_confirm import ActionModule

HOSTS = {"inventory_hostname": "h1", "ansible_play_hosts_all": ["h1", "h2"]}


def run(check_mode: bool = False, **args: Any) -> dict[str, Any]:
    task = Task()
    task.args = args
    task.check_mode = check_mode
    loader = DataLoader()
    connection = plugins.connection_loader.get("local", PlayContext())
    action = ActionModule(task, connection, PlayContext(), loader, Templar(loader=loader), plugins)
    return action.run(task_vars=dict(HOSTS))


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Questions that somebody at the terminal was asked, and answered with yes."""
    asked: list[str] = []

    def prompt_until(_display: Display, text: str, seconds: int) -> bytes:
        asked.append(text)
        return b"yes"

    monkeypatch.setattr(Display, "prompt_until", prompt_until)
    return asked


def test_it_asks_in_the_order_of_the_roll(questions: list[str]) -> None:
    result = run(msg="All will be moved.", hosts=["h3", "h1"])
    assert result["asked"] is True and result["changed"] is False
    assert questions[0].startswith("All will be moved.\n2 hosts: h3, h1\n")


def test_all_hosts_of_the_play_are_named_by_default(questions: list[str]) -> None:
    run(msg="All will be moved.")
    assert "2 hosts: h1, h2" in questions[0]


@pytest.mark.parametrize("args", [{"force": True}, {"force": "yes"}, {"check_mode": True}])
def test_with_force_and_in_check_mode_nobody_is_asked(questions: list[str], args: dict[str, Any]) -> None:
    result = run(msg="All will be moved.", **args)
    assert result["asked"] is False and result["changed"] is False
    assert questions == []


@pytest.mark.parametrize("args", [{}, {"msg": "x", "force": "perhaps"}, {"msg": "x", "prompt": "y"}])
def test_wrong_arguments_are_no_question(questions: list[str], args: dict[str, Any]) -> None:
    with pytest.raises(AnsibleActionFail):
        run(**args)
    assert questions == []
