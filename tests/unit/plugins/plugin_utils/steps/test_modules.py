# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a module within a step is as running it by a task of its own: arguments, check mode, failures, results."""

from __future__ import annotations

from typing import Any

import pytest
from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import NORMAL, Modules, Stopped, say
from support.rolls.handlers import Handlers, action

CONNECTION = {"host": "10.0.0.1", "port": 4646, "token": "secret"}
API = ["server_info", "server_wait", "raft_write_check", "raft_transfer_leadership", "snapshot_save", "server_backend"]


class Action(ActionBase):
    """The action plugin that a step is run by."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        return {}


def running(loader: Handlers, check_mode: bool = False) -> Modules:
    made = action(Action, loader, {"step": "work"}, check_mode=check_mode, action="raftops.nomad.roll_step")
    return Modules(made, {"inventory_hostname": "s1"}, CONNECTION)


@pytest.mark.parametrize("module", [*API, "raft_confirm", "agent_service", "raft_backup_remove"])
def test_modules_that_ask_the_api_are_told_how_it_is_reached_and_no_others(module: str) -> None:
    loader = Handlers({"found": 1})
    assert running(loader)("Ask", f"raftops.nomad.{module}", {"force": False, "timeout": 0, "data_dir": "", "x": None})[
        "found"
    ]
    ((name, task),) = loader.got
    assert (name, task.action) == (NORMAL, f"raftops.nomad.{module}")
    assert task.args == {**(CONNECTION if module in API else {}), "force": False, "timeout": 0}
    assert loader.cleaned == 1


def test_what_is_said_for_one_module_comes_before_the_connection() -> None:
    loader = Handlers({})
    running(loader)("Ask", "raftops.nomad.server_wait", {"host": "10.0.0.9"})
    assert loader.got[0][1].args["host"] == "10.0.0.9"


def test_a_module_that_has_an_action_plugin_is_run_through_it() -> None:
    loader = Handlers({}, ("raftops.nomad.server_backend",))
    running(loader)("Bring", "raftops.nomad.server_backend", {})
    assert loader.got[0][0] == "raftops.nomad.server_backend"


@pytest.mark.parametrize(
    ("check_mode", "asks", "rehearses", "expected"),
    [
        (False, False, False, False),
        (False, True, False, False),
        (False, False, True, True),
        (True, False, False, True),
        (True, True, False, False),
        (True, False, True, True),
    ],
)
def test_in_check_mode_only_questions_are_asked_for_real(
    check_mode: bool, asks: bool, rehearses: bool, expected: bool
) -> None:
    loader = Handlers({})
    modules = running(loader, check_mode)
    modules("Do", "x", {}, asks=asks, rehearses=rehearses)
    assert loader.got[0][1].check_mode is expected
    assert modules._action._task.check_mode is check_mode, "the task itself is as it was"
    assert modules._action._task.args == {"step": "work"}


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"failed": True, "msg": "refused", "left": "down"}, "refused"),
        ({"failed": True, "left": "down"}, "no reason was given"),
        (AnsibleActionFail("refused", result={"left": "down"}), "refused"),
    ],
)
def test_what_fails_ends_the_step_with_its_result(result: Any, message: str) -> None:
    loader = Handlers(result)
    with pytest.raises(Stopped) as told:
        running(loader)("Ask the leader", "x", {})
    assert (told.value.doing, told.value.message, told.value.result["left"]) == ("Ask the leader", message, "down")
    assert loader.cleaned == 1


def test_a_host_that_cannot_be_reached_is_for_ansible_to_say() -> None:
    loader = Handlers(AnsibleConnectionFailure("gone"))
    with pytest.raises(AnsibleConnectionFailure):
        running(loader)("Ask", "x", {})
    assert loader.cleaned == 1


def test_the_task_has_changed_what_one_of_its_modules_has_changed_and_shows_all_differences() -> None:
    modules = running(Handlers({}))
    assert modules.outcome() == {"changed": False, "did": []}
    facts = {"discovered_interpreter_python": "/usr/bin/python3", "ansible_python": {}}
    for result in [
        {"changed": True, "diff": {"before": "a"}, "ansible_facts": facts, "warnings": ["one"]},
        {"changed": False, "diff": [{"before": "b"}, {"before": "c"}], "warnings": ["two"]},
    ]:
        modules._action._shared_loader_obj.action_loader.result = result
        modules("Do", "x", {})
    assert modules.outcome() == {
        "changed": True,
        "did": ["Do", "Do"],
        "diff": [{"before": "a"}, {"before": "b"}, {"before": "c"}],
        "warnings": ["one", "two"],
        "ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3"},
    }


def test_what_a_module_that_fails_has_changed_is_told_as_well() -> None:
    modules = running(Handlers({"failed": True, "changed": True, "warnings": ["one"]}))
    with pytest.raises(Stopped):
        modules("Do", "x", {})
    assert modules.outcome() == {"changed": True, "did": ["Do"], "warnings": ["one"]}


def test_what_a_rehearsal_would_change_is_no_change() -> None:
    modules = running(Handlers({"changed": True, "diff": {"before": "a"}, "warnings": ["one"]}))
    modules("Find", "x", {}, rehearses=True)
    assert modules.outcome() == {"changed": False, "did": ["Find"], "warnings": ["one"]}


@pytest.mark.parametrize(("callback", "stderr"), [("default", False), ("json", True), ("ansible.posix.jsonl", True)])
def test_lines_are_shown_as_they_are_and_not_within_a_document(
    callback: str, stderr: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, bool]] = []
    monkeypatch.setattr(C, "DEFAULT_STDOUT_CALLBACK", callback, raising=False)
    monkeypatch.setattr(Display, "display", lambda _self, line, stderr=False: shown.append((line, stderr)))
    say(["order  server", "1      s1"])
    assert shown == [("order  server", stderr), ("1      s1", stderr)]
