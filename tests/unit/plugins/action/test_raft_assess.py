# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""raft_assess as a task has it: the lines are shown, the values are handed on, the file is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins import loader as plugins
from ansible.template import Templar
from ansible_collections.raftops.nomad.plugins.action.raft_assess import STATS, ActionModule
from ansible_collections.raftops.nomad.plugins.modules import raft_assess
from support.rolls.servers import facts

SERVERS = [facts("s1", role="leader", rank=4), facts("s2"), facts("s3")]
COST = {"backend": "boltdb", "size": 1 << 20, "figures": {"commits_per_s": 0.2, "freelist_bytes": 56}}
COSTS = [{"cost": {**COST, "id": f"id-{name}"}} for name in ("s1", "s2", "s3")]
VERDICT = "little to gain on s1: 0.2 writes a second, freelist 56 Bytes."


def run(check_mode: bool = False, **args: Any) -> dict[str, Any]:
    task = Task()
    task.args, task.check_mode = {"servers": SERVERS, "costs": COSTS, **args}, check_mode
    loader = DataLoader()
    connection = plugins.connection_loader.get("local", PlayContext())
    return ActionModule(task, connection, PlayContext(), loader, Templar(loader=loader), plugins).run(task_vars={})


def test_it_returns_what_it_documents_and_tells_set_stats() -> None:
    result = run()
    found, told = result["assessment"], result["ansible_stats"]
    assert set(found) == set(yaml.safe_load(raft_assess.RETURN)["assessment"]["contains"])
    assert (result["changed"], found["verdict"], found["refused"]) == (False, VERDICT, False)
    assert (told["per_host"], told["aggregate"], told["data"][STATS]["verdict"]) == (False, False, VERDICT)
    assert "lines" not in told["data"][STATS]


def test_the_lines_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run()["assessment"]["lines"]
    assert capsys.readouterr().out.splitlines() == lines


def test_the_file_has_the_same(tmp_path: Path) -> None:
    path = tmp_path / "assessment.json"
    path.write_text("an earlier one")
    result = run(file=str(path))
    assert json.loads(path.read_text()) == result["ansible_stats"]["data"][STATS]
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_one_that_could_not_be_measured_does_not_end_it() -> None:
    found = run(costs=[*COSTS[:2], {"failed": True, "msg": "unreachable"}])["assessment"]
    assert [one["gain"] for one in found["servers"]] == ["little to gain", "little to gain", "not known"]


def test_without_a_disk_nobody_knows_how_long_it_takes() -> None:
    disk = {"id": "id-s2", "syncs": None, "trial": [{"data_bytes": 1, "entries": 1, "seconds": 0.1}] * 2, "error": ""}
    outs = [one["out_s"] for one in run(disks=[{"disk": disk}, {"skipped": True}])["assessment"]["servers"]]
    assert outs[0] is None and outs[1] > 0


def test_check_mode_and_no_file_write_none(tmp_path: Path) -> None:
    run(check_mode=True, file=str(tmp_path / "assessment.json"))
    run(file=None)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(AnsibleActionFail, match=r"cannot be written \(raft_logstore_assess_file\): No such file"):
        run(file=str(tmp_path / "nowhere/assessment.json"))
