# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a module within a step is as running it by a task of its own: arguments, check mode, failures, results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.module_utils._record import journal
from ansible_collections.raftops.nomad.plugins.plugin_utils._recorder import Recorder
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import NORMAL, Modules, Stopped, say
from support.rolls.handlers import Handlers, action

CONNECTION = {"host": "10.0.0.1", "port": 4646, "token": "secret"}
API = ["server_info", "server_wait", "raft_write_check", "raft_transfer_leadership", "snapshot_save", "server_backend"]


class Action(ActionBase):
    """The action plugin that a step is run by."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        return {}


def running(loader: Handlers, check_mode: bool = False, kept: str = "") -> Modules:
    """`kept` is the directory of the record."""
    made = action(Action, loader, {"step": "work"}, check_mode=check_mode, action="raftops.nomad.roll_step")
    return Modules(made, {"inventory_hostname": "s1"}, CONNECTION, Recorder(kept, "n", "s1", ["secret"]))


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


WAIT, BACKEND = "raftops.nomad.server_wait", "raftops.nomad.server_backend"


def noted(directory: Path) -> list[dict[str, Any]]:
    return journal.read((directory / "n.events.jsonl").read_bytes())


def test_what_a_module_is_run_for_and_what_it_returns_is_noted_in_the_record(tmp_path: Path) -> None:
    worked = {"backend": "wal", "phases": {"total": 1.5}, "invocation": {"token": "secret"}}
    running(Handlers(worked), kept=str(tmp_path))("Bring", BACKEND, {})
    began, result, ended = noted(tmp_path)
    assert (began["kind"], began["server"], began["step"]) == ("step_began", "s1", "backend")
    assert (result["kind"], result["phases"]) == ("worked", {"total": 1.5})
    assert (ended["kind"], ended["ok"]) == ("step_ended", True)
    assert "secret" not in "".join(path.read_text() for path in tmp_path.iterdir())


def test_what_an_action_does_not_show_of_a_failure_is_in_the_record(tmp_path: Path) -> None:
    shown = {"failed": True, "msg": "no", "left": "returned"}
    loader = Handlers(shown, whole={**shown, "phases": {"stop": 0.5}, "returned": True})
    with pytest.raises(Stopped) as told:
        running(loader, kept=str(tmp_path))("Bring", BACKEND, {})
    (worked,) = [one for one in noted(tmp_path) if one["kind"] == "worked"]
    assert (worked["phases"], worked["returned"]) == ({"stop": 0.5}, True) and told.value.result == shown


def test_a_step_of_the_record_is_named_after_what_the_module_is_asked(tmp_path: Path) -> None:
    modules = running(Handlers({}), kept=str(tmp_path))
    modules("Ask", WAIT, {"until": "back"})
    modules("Ask", WAIT, {"until": "stoppable"})
    assert [one["step"] for one in noted(tmp_path) if one["kind"] == "step_began"] == ["prove", "gate"]


@pytest.mark.parametrize("result", [{"failed": True, "msg": "no secret"}, AnsibleActionFail("no secret")])
def test_what_fails_is_noted_with_its_message(result: Any, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        running(Handlers(result), kept=str(tmp_path))("Ask", WAIT, {})
    _began, ended = noted(tmp_path)
    assert (ended["kind"], ended["ok"], ended["message"]) == ("step_ended", False, "no ********")


def test_a_host_that_is_lost_ends_the_record(tmp_path: Path) -> None:
    with pytest.raises(AnsibleConnectionFailure):
        running(Handlers(AnsibleConnectionFailure("gone")), kept=str(tmp_path))("Bring", BACKEND, {})
    _began, failed = noted(tmp_path)
    assert (failed["kind"], failed["unreachable"], failed["message"]) == ("failed", True, "s1: gone")
    assert json.loads((tmp_path / "n.json").read_text())["name"] == "n"


def test_a_record_that_cannot_be_written_is_a_warning_of_the_task(tmp_path: Path) -> None:
    modules = running(Handlers({"warnings": ["one"]}), kept=str(tmp_path / "gone"))
    modules("Ask", WAIT, {})
    modules("Ask", WAIT, {})
    *of_the_modules, of_the_record = modules.outcome()["warnings"]
    assert of_the_modules == ["one", "one"] and "The record of this roll" in of_the_record


@pytest.mark.parametrize(("callback", "stderr"), [("default", False), ("json", True), ("ansible.posix.jsonl", True)])
def test_lines_are_shown_as_they_are_and_not_within_a_document(
    callback: str, stderr: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, bool]] = []
    monkeypatch.setattr(C, "DEFAULT_STDOUT_CALLBACK", callback, raising=False)
    monkeypatch.setattr(Display, "display", lambda _self, line, stderr=False: shown.append((line, stderr)))
    say(["order  server", "1      s1"])
    assert shown == [("order  server", stderr), ("1      s1", stderr)]
