# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is noted of the modules that a step runs: the end, a failure, a lost host, a run that is ended in its midst."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.raftops.nomad.plugins.module_utils._record import journal
from ansible_collections.raftops.nomad.plugins.plugin_utils._recorder import Recorder

BACKEND, WAIT = "raftops.nomad.server_backend", "raftops.nomad.server_wait"
WORKED = {"backend": "wal", "previous_backend": "boltdb", "phases": {"stop": 0.4, "total": 1.4}, "token": "s3cret"}


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    made = Recorder(str(tmp_path), "n", "nomad-2", ["s3cret"])
    made.note("run_began", {"run": "1", "playbook": "migrate"})
    return made


def noted(directory: Path) -> list[dict[str, Any]]:
    return journal.read((directory / "n.events.jsonl").read_bytes())[1:]


def outcome(directory: Path) -> str:
    return str(json.loads((directory / "n.json").read_text())["outcome"])


def ran(recorder: Recorder, module: str, result: Mapping[str, Any]) -> None:
    with recorder.step(module, {}) as answer:
        answer.update(result)


def test_a_module_that_does_its_work(recorder: Recorder, tmp_path: Path) -> None:
    ran(recorder, BACKEND, WORKED)
    began, worked, ended = noted(tmp_path)
    assert (began["kind"], began["server"], began["step"]) == ("step_began", "nomad-2", "backend")
    assert worked["kind"] == "worked" and worked["phases"] == WORKED["phases"]
    assert ended["kind"] == "step_ended" and ended["ok"] and recorder.warnings == []
    assert (tmp_path / "n.html").exists() and "s3cret" not in (tmp_path / "n.events.jsonl").read_text()


def test_one_that_fails(recorder: Recorder, tmp_path: Path) -> None:
    ran(recorder, WAIT, {"failed": True, "msg": "nomad-1 is not healthy, says s3cret"})
    _began, ended = noted(tmp_path)
    assert not ended["ok"] and ended["message"] == "nomad-1 is not healthy, says ********"
    assert outcome(tmp_path) == "unfinished", "the role says how it ended"


def test_one_whose_action_fails(recorder: Recorder, tmp_path: Path) -> None:
    with pytest.raises(AnsibleActionFail), recorder.step(BACKEND, {}):
        raise AnsibleActionFail("two servers at once", result={"left": "untouched"})
    _began, worked, ended = noted(tmp_path)
    assert worked["left"] == "untouched" and not ended["ok"] and ended["message"] == "two servers at once"


def test_a_lost_host(recorder: Recorder, tmp_path: Path) -> None:
    with pytest.raises(AnsibleConnectionFailure), recorder.step(BACKEND, {}):
        raise AnsibleConnectionFailure("Connection timed out")
    _began, failed = noted(tmp_path)
    assert failed["kind"] == "failed" and failed["unreachable"] and failed["message"] == "nomad-2: Connection timed out"
    assert outcome(tmp_path) == "failed"


def test_a_lost_host_whose_hold_cannot_be_released_is_a_warning(recorder: Recorder, tmp_path: Path) -> None:
    with pytest.raises(AnsibleConnectionFailure), recorder.step(
        "raftops.nomad.autopilot_config", {"state": "released"}
    ):
        raise AnsibleConnectionFailure("Connection timed out")
    _began, told = noted(tmp_path)
    assert (told["kind"], told["message"]) == ("warning", "nomad-2: Connection timed out")


def test_one_that_is_ended_in_its_midst(recorder: Recorder, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), recorder.step(BACKEND, {}):
        raise KeyboardInterrupt
    assert [one["kind"] for one in noted(tmp_path)] == ["step_began"]


def test_a_module_that_is_no_step(recorder: Recorder, tmp_path: Path) -> None:
    ran(recorder, "raftops.nomad.raft_confirm", {"changed": False})
    assert noted(tmp_path) == []


def test_without_a_directory_nothing_is_noted() -> None:
    silent = Recorder("", "", "nomad-2")
    ran(silent, BACKEND, WORKED)
    assert silent.warnings == []


def test_what_is_wrong_with_the_record_is_said_once(tmp_path: Path) -> None:
    lost = Recorder(str(tmp_path / "gone"), "n", "nomad-2")
    ran(lost, BACKEND, WORKED)
    ran(lost, WAIT, {})
    (told,) = lost.warnings
    assert told.endswith("is not complete: No such file or directory")
