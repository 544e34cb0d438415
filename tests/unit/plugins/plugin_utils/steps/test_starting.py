# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every playbook begins with. Whether a task runs is decided here as Ansible decides it."""

from __future__ import annotations

from itertools import product

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.block import Block
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import Stopped
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.starting import Tags, runs, start

OWN = [[], ["mine"], ["mine", "other"], ["never"], ["mine", "never"]]
RUN = [
    ["all"],
    [],
    ["mine"],
    ["else"],
    ["tagged"],
    ["untagged"],
    ["never"],
    ["mine", "else"],
    ["all", "else"],
    ["always"],
]
SKIP = [[], ["mine"], ["else"], ["tagged"], ["untagged"], ["all"], ["never"], ["always"], ["always", "all"]]


def ansible_runs(own: list[str], run: list[str], skip: list[str]) -> bool:
    """Ansible's own word on a task with these tags."""
    play = Play.load({"hosts": "all", "tasks": []}, loader=DataLoader())
    task = Task(block=Block(play=play))
    task.tags = own
    return bool(task.evaluate_tags(run, skip, {}))


@pytest.mark.parametrize("own", OWN, ids=str)
def test_whether_the_other_tasks_run_is_what_ansible_says(own: list[str]) -> None:
    said = {
        (str(run), str(skip)): (ansible_runs(own, run, skip), runs(Tags([*own, "always"], run, skip)))
        for run, skip in product(RUN, SKIP)
    }
    assert {case: told for case, told in said.items() if told[0] != told[1]} == {}
    assert {theirs for theirs, _ours in said.values()} == {True, False}


def test_what_would_be_left_out_is_told_with_what_was_given() -> None:
    with pytest.raises(Stopped) as told:
        start(Tags(["always"], ["convert", "x"], ["y"]), ["s1"], "nomad_servers")
    assert told.value.doing == "No task is left out"
    assert told.value.message.startswith("--tags convert,x --skip-tags y would leave out tasks of this playbook")


def test_a_group_without_hosts_is_told() -> None:
    with pytest.raises(Stopped) as told:
        start(Tags(["always"], ["all"], []), [], "servers_of_mine")
    assert told.value.doing == "The group has hosts"
    assert "no hosts in the group servers_of_mine." in told.value.message
    start(Tags(["always"], ["all"], []), ["s1"], "servers_of_mine")
