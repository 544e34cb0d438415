# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""roll_step as a task has it: which step is run, with what, and what comes back, also when it fails."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.raftops.nomad.plugins.action.roll_step import ActionModule
from ansible_collections.raftops.nomad.plugins.modules.roll_step import STEPS
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import shown
from support.rolls.handlers import Handlers, action
from support.rolls.scripted import begun, given, look
from support.rolls.servers import NAMES, facts

SERVERS = [facts(name, serial=1, data_dir="/opt/nomad", config_path=["/etc/nomad.d"]) for name in NAMES]
SO_FAR = {"group": list(NAMES), "batch": ["s1"], "order": list(NAMES), "judged": None}
VIEW = {"leader": "id-s2", "voters": ["id-s1", "id-s2"], "failure_tolerance": 1, "servers": []}
ANSWERS = {
    "server_info": look(),
    "server_wait": {"observation": {"autopilot": VIEW}},
    "snapshot_save": {"path": "/s/x.snap"},
    "server_backend": {"changed": True, "phases": {"total": 1.5}, "diff": {"before": "a", "after": "b"}},
    "raft_backup_remove": {"removed": [], "kept": [], "state": "boltdb", "freed_bytes": 0},
}
VARS = {
    "inventory_hostname": "s1",
    "ansible_run_tags": ["all"],
    "ansible_skip_tags": [],
    "groups": {"nomad_servers": ["s1"]},
}
TIDY = [{**one, "running": "wal", "configured": "wal", "store": "wal", "todo": False, "peers": []} for one in SERVERS]


def run(loader: Handlers, step: str, **args: Any) -> dict[str, Any]:
    made = action(ActionModule, loader, {"step": step, "servers": SERVERS, "so_far": SO_FAR, **args})
    result: dict[str, Any] = made.run(task_vars=VARS)
    return result


# What each step has run, of which the others are tested in plugin_utils/steps.
RUN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "start": ({}, []),
    "look": ({}, ["setup", "server_info"]),
    "begin": ({}, ["server_info"]),
    "make_way": ({}, ["server_wait", "raft_write_check", "snapshot_save", "snapshot_save"]),
    "work": ({}, ["server_backend", "raft_write_check"]),
    "settle": ({}, []),
    "back": ({}, ["server_wait"]),
    "end": ({"options": {"backend": "boltdb"}}, ["server_info"]),
    "show": ({}, []),
    "find_old": ({"servers": TIDY}, ["raft_backup_remove"]),
    "ask_cleanup": ({"servers": TIDY}, ["server_wait"]),
}


@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_run_with_its_modules(step: str) -> None:
    args, modules = RUN[step]
    loader = Handlers(by_module=ANSWERS)
    result = run(loader, step, before={"turn": shown(begun(given()).now())}, **args)
    assert loader.modules == modules and "failed" not in result, result
    assert result["changed"] is (step == "work") and json.loads(json.dumps(result)) == result


def test_a_step_that_fails_says_at_what_and_keeps_what_is_known_by_then() -> None:
    failing = {**ANSWERS, "server_backend": {"failed": True, "msg": "refused", "left": "put_back", "changed": True}}
    result = run(Handlers(by_module=failing), "work", before={"turn": shown(given().now())})
    assert (result["failed"], result["msg"], result["doing"]) == (True, "refused", "Bring the server to the backend")
    assert result["left"] == "put_back" and result["changed"] is True and result["server"]["host"] == "s1"


def test_differences_of_the_work_are_those_of_the_task() -> None:
    result = run(Handlers(by_module=ANSWERS), "work", before={"turn": shown(given().now())})
    assert result["diff"] == [{"before": "a", "after": "b"}]


def test_the_first_look_has_the_mistakes_in_the_roles_variables() -> None:
    spec = {"raft_logstore_port": {"type": "int"}}
    loader = Handlers(by_module=ANSWERS)
    result = run(loader, "look", specified=spec, variables={"raft_logstore_port": "http"})
    assert result["msg"] == "raft_logstore_port is 'http'. Give a whole number. Nothing was changed."
    assert result["failed"] and loader.modules == []


def test_the_token_is_given_to_modules_and_not_returned() -> None:
    loader = Handlers(by_module=ANSWERS)
    result = run(loader, "look", connection={"host": "10.0.0.1", "token": "secret"}, plans=True)
    assert "secret" not in json.dumps(result) and result["api"]["host"] == "10.0.0.1"
    asked = loader.got[-1][1].args
    assert asked["token"] == "secret" and asked["rehearse"] is True


def test_the_tables_are_those_of_the_run() -> None:
    lines = run(Handlers(), "show")["lines"]
    assert lines[0].split()[:2] == ["server", "role"] and [line.split()[0] for line in lines[1:4]] == list(NAMES)
    assert lines[-1]


def test_what_would_leave_tasks_out_and_an_empty_group_fail_the_start() -> None:
    made = action(ActionModule, Handlers(), {"step": "start", "group": "mine"}, tags=["always"])
    assert made.run(task_vars=VARS)["doing"] == "The group has hosts"
    made = action(ActionModule, Handlers(), {"step": "start"}, tags=["always"])
    assert made.run(task_vars={**VARS, "ansible_run_tags": ["convert"]})["doing"] == "No task is left out"


@pytest.mark.parametrize("args", [{"step": "walk"}, {"step": "look", "more": 1}, {"step": "look", "servers": "s1"}])
def test_wrong_arguments_are_refused(args: dict[str, Any]) -> None:
    with pytest.raises(AnsibleActionFail):
        action(ActionModule, Handlers(), args).run(task_vars=VARS)
