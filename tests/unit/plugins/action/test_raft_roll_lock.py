# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""raft_roll_lock in a process of its own, as in a worker: it is the parent that rolls. Two runs are in tests/e2e."""

from __future__ import annotations

import json
import multiprocessing
import os
import uuid
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins import loader as plugins
from ansible.template import Templar
from ansible_collections.raftops.nomad.plugins.action.raft_roll_lock import ActionModule
from ansible_collections.raftops.nomad.plugins.plugin_utils import _rolls as rolls


def run(check_mode: bool = False, **args: Any) -> dict[str, Any]:
    task = Task()
    task.args = args
    task.check_mode = check_mode
    loader = DataLoader()
    connection = plugins.connection_loader.get("local", PlayContext())
    return ActionModule(task, connection, PlayContext(), loader, Templar(loader=loader), plugins).run(task_vars={})


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_run_is_noted_and_not_its_worker(check_mode: bool) -> None:
    servers = [f"id-{uuid.uuid4()}"]
    with multiprocessing.get_context("fork").Pool(1) as pool:
        result = pool.apply(run, (check_mode,), {"servers": servers})
    found = [path for path, roll in rolls._notes(rolls.DIRECTORY) if list(roll.servers) == servers]
    assert (result["changed"], result["locked"], len(found)) == (False, not check_mode, 1 - check_mode)
    for path in found:
        with open(path, encoding="utf-8") as note:
            assert json.load(note)["pid"] == os.getpid()
        os.unlink(path)


@pytest.mark.parametrize("args", [{}, {"servers": ["x"], "more": 1}])
def test_wrong_arguments_are_refused(args: dict[str, Any]) -> None:
    with pytest.raises(AnsibleActionFail):
        run(**args)
