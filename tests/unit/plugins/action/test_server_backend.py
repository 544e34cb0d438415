# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action asks, refuses and hands on. What it shares with a conversion is in test_raft_migrate_backend.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins import loader as plugins
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.action.server_backend import ActionModule
from support.cluster.cluster import wait_until
from support.paths import PYTHONPATH


@pytest.fixture
def module_runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was handed to Ansible to be run on the host."""
    runs: list[dict[str, Any]] = []

    def execute(action: ActionBase, **kwargs: Any) -> dict[str, Any]:
        runs.append({**kwargs, "check_mode": action._task.check_mode})
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
        ({"state": "copied"}, "is stopped, its store is copied, and it is started"),
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
    assert statement in asked[0] and [call["check_mode"] for call in module_runs] == [True]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"backned": "wal"}, "backned"),
        ({"stable_for": "long"}, "stable_for"),
        ({"verification": {"enable": True}}, "enable"),
        ({"token": {"a": "s3cret"}, "port": "s3cret"}, "port"),
    ],
)
def test_a_mistake_is_refused_before_anybody_is_asked(
    monkeypatch: pytest.MonkeyPatch, module_runs: list[dict[str, Any]], args: dict[str, Any], words: str
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Display, "prompt_until", lambda _display, text, seconds: asked.append(text))
    with pytest.raises(AnsibleActionFail, match=r"raftops\.nomad\.server_backend") as raised:
        run(["h1"], **args)
    assert words in str(raised.value) and asked == [] and module_runs == []


def test_other_names_and_the_options_of_the_connection_are_known(module_runs: list[dict[str, Any]]) -> None:
    assert run(["h1"], force="yes", name="nomad", manager="systemd", token="t", host="", workers=None)["changed"]


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


# --- a failure in few lines

FAILED: dict[str, Any] = {
    "failed": True, "changed": True, "msg": "Starting its agent: no. It is back.", "left": "returned", "step": "start",
    "failure": "no", "again": "", "barred_by": "", "log_end": [f"line {number}" for number in range(50)],
    "phases": {"stop": 0.4}, "plan": ["stop"], "conversion": {"entries": 663}, "configuration": {}, "log": None,
    "earlier": None, "attached": False, "returned": True, "backend": "boltdb", "previous_backend": "boltdb",
    "began_at": 1795610835.25, "warnings": ["Look."],
}  # fmt: skip


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that a person sees beside the result."""
    lines: list[str] = []
    monkeypatch.setattr(Display, "display", lambda _display, text, **_how: lines.append(text))
    return lines


def fails(monkeypatch: pytest.MonkeyPatch, **instead: Any) -> dict[str, Any]:
    monkeypatch.setattr(ActionBase, "_execute_module", lambda _action, **_given: {**FAILED, **instead})
    return run(["h1"], force=True)


def test_a_failure_has_what_says_something_about_it(monkeypatch: pytest.MonkeyPatch, shown: list[str]) -> None:
    about = {"failed", "changed", "msg", "left", "step", "failure", "warnings"}
    assert fails(monkeypatch) == {name: FAILED[name] for name in about}
    assert shown == ["h1: The last lines of its log:", *(f"h1: line {number}" for number in range(30, 50))]
    barred = fails(monkeypatch, again="no", barred_by="/run/x.conf", attached=True, exception="Traceback")
    assert set(barred) == about | {"again", "barred_by", "attached", "exception"}


def test_a_failure_without_log_shows_none(monkeypatch: pytest.MonkeyPatch, shown: list[str]) -> None:
    fails(monkeypatch, log_end=[])
    assert shown == []


@pytest.mark.parametrize("step", ["last look", "configuration", "conversion", "copying", "former configuration"])
def test_the_log_is_shown_only_where_it_can_explain(
    monkeypatch: pytest.MonkeyPatch, shown: list[str], step: str
) -> None:
    """A full disk, for example, is no matter of the agent's. But its return may have failed at the agent."""
    fails(monkeypatch, step=step)
    assert shown == []
    fails(monkeypatch, step=step, again="starting its agent: no")
    assert len(shown) == 21


def test_with_vvv_and_without_failure_nothing_is_left_out(monkeypatch: pytest.MonkeyPatch, shown: list[str]) -> None:
    assert fails(monkeypatch, failed=False) == {**FAILED, "failed": False}
    monkeypatch.setattr(Display(), "verbosity", 3)
    assert fails(monkeypatch) == FAILED


# --- that the answer has arrived


@pytest.fixture
def marker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The host's mark of an answer that has reached nobody. The module names it."""
    path = tmp_path / "untold 1"
    path.touch()
    monkeypatch.setattr(
        ActionBase, "_execute_module", lambda _action, **_given: {"failed": True, "msg": "", "untold": str(path)}
    )
    return path


def test_the_host_is_told_that_its_answer_has_arrived(marker: Path) -> None:
    assert run(["h1"], force=True) == {"failed": True, "msg": ""}
    assert not marker.exists()


def test_a_worker_whose_ansible_is_gone_does_not_say_so(marker: Path) -> None:
    """Ansible runs an action in a process of its own, which goes on for a while after it."""
    ran = subprocess.run(
        [sys.executable, "-c", ORPHAN, str(marker)], check=True, env={**os.environ, "PYTHONPATH": PYTHONPATH}
    )
    assert ran.returncode == 0
    wait_until("the worker's end", lambda: marker.with_suffix(".asked").exists(), 30)
    assert marker.with_suffix(".asked").read_text() == "True"


ORPHAN = """
import multiprocessing, os, sys, time
from pathlib import Path
from ansible_collections.raftops.nomad.plugins.plugin_utils._rolls import is_orphan

def work(parent):
    assert not is_orphan()
    Path(sys.argv[1]).with_suffix(".begun").touch()
    while os.getppid() == parent:
        time.sleep(0.01)
    told = Path(sys.argv[1]).with_suffix(".partial")
    told.write_text(str(is_orphan()))
    told.rename(told.with_suffix(".asked"))

multiprocessing.get_context("fork").Process(target=work, args=(os.getpid(),)).start()
while not Path(sys.argv[1]).with_suffix(".begun").exists():
    time.sleep(0.01)
os._exit(0)
"""


def test_a_host_that_cannot_be_told_does_not_fail_the_task(marker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_action: ActionBase, _command: str) -> dict[str, Any]:
        raise AnsibleConnectionFailure("no route to host")

    monkeypatch.setattr(ActionBase, "_low_level_execute_command", lost)
    assert run(["h1"], force=True) == {"failed": True, "msg": ""}
    assert marker.exists()
