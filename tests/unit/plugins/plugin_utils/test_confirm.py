# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question, one answer for all workers, and a refusal that says what to do next."""

from __future__ import annotations

import multiprocessing
import time
import uuid
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail, AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.plugin_utils import _confirm as confirm


def answering(monkeypatch: pytest.MonkeyPatch, answer: bytes | Exception, after_s: float = 0) -> list[str]:
    """Make somebody (or nobody) sit at the terminal; the questions they see are returned."""
    seen: list[str] = []

    def prompt_until(_display: Display, text: str, seconds: int | None) -> bytes:
        seen.append(text)
        time.sleep(min(after_s, seconds or 0))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(Display, "prompt_until", prompt_until)
    return seen


@pytest.mark.parametrize("typed", [b"yes", b"YES", b" yes "])
def test_yes_is_asked_for_once_and_holds_for_the_whole_task(monkeypatch: pytest.MonkeyPatch, typed: bytes) -> None:
    seen, task = answering(monkeypatch, typed), uuid.uuid4().hex
    for _host in range(3):
        confirm.confirm_once(task, "Shall we?", ["h1"])
    assert len(seen) == 1 and seen[0].startswith("Shall we?")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "You did not answer 'yes'."),
        (b"y", "You did not answer 'yes'."),
        (b"yes please", "You did not answer 'yes'."),
        (AnsiblePromptInterrupt("user interrupt"), "You pressed Ctrl-C."),
    ],
)
def test_anything_else_fails_every_host_and_is_no_reason_to_name_force(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | Exception, reason: str
) -> None:
    seen, task = answering(monkeypatch, answer), uuid.uuid4().hex
    for _host in range(2):
        with pytest.raises(AnsibleActionFail) as failure:
            confirm.confirm_once(task, "Shall we?", ["h1"])
        told = f"{reason} Nothing was changed. Run the same command when you are ready."
        assert str(failure.value) == told
    assert len(seen) == 1


def test_where_nobody_can_be_asked_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, AnsiblePromptNoninteractive("stdin is not interactive"))
    with pytest.raises(AnsibleActionFail) as failure:
        confirm.confirm_once(uuid.uuid4().hex, "Shall we?", ["h1"])
    said = str(failure.value)
    assert said.startswith("There is no terminal to ask at. Nothing was changed. To go on without being asked ")
    assert "set force=true" in said and "raft_logstore_force=true" in said


def test_what_was_typed_without_enter_when_the_time_is_up_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(confirm.TIMEOUT_VARIABLE, "1")
    answering(monkeypatch, b"yes", after_s=5)
    with pytest.raises(
        AnsibleActionFail, match=r"Nobody answered within 1 seconds\. Nothing was changed\. .*force=true"
    ):
        confirm.confirm_once(uuid.uuid4().hex, "Shall we?", ["h1"])


def test_tasks_do_not_share_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = answering(monkeypatch, b"yes")
    confirm.confirm_once(uuid.uuid4().hex, "The first?", ["h1"])
    confirm.confirm_once(uuid.uuid4().hex, "The second?", ["h1"])
    assert [text.splitlines()[0] for text in seen] == ["The first?", "The second?"]


def test_workers_at_the_same_time_ask_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As Ansible's own workers: forked, each with the inherited temporary directory and nothing else in common."""
    asked, task = tmp_path / "asked", uuid.uuid4().hex

    def prompt_until(_display: Display, _text: str, seconds: int | None) -> bytes:
        with asked.open("a") as file:
            file.write("asked\n")
        time.sleep(0.3)
        return b"yes"

    monkeypatch.setattr(Display, "prompt_until", prompt_until)
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=confirm.confirm_once, args=(task, "Shall we?", ["h1"])) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert asked.read_text() == "asked\n"


@pytest.mark.parametrize(
    ("value", "given", "seconds"),
    [(None, 120, 120), ("", 60, 60), ("1", 120, 1), ("600", 120, 600), ("0", 120, 0), (None, 0, 0)],
)
def test_the_environment_comes_before_what_is_given(
    monkeypatch: pytest.MonkeyPatch, value: str | None, given: int, seconds: int
) -> None:
    monkeypatch.delenv(confirm.TIMEOUT_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(confirm.TIMEOUT_VARIABLE, value)
    assert confirm.timeout_s(given) == seconds


@pytest.mark.parametrize("value", ["604801", "-1", "soon", "1.5"])
def test_other_limits_are_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(confirm.TIMEOUT_VARIABLE, value)
    with pytest.raises(AnsibleActionFail, match=f"or 0 for ever, not '{value}'"):
        confirm.timeout_s()


def test_without_a_limit_the_answer_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = answering(monkeypatch, b"yes", after_s=0.1)
    confirm.confirm_once(uuid.uuid4().hex, "Shall we?", ["h1"], 0)
    assert "within" not in seen[0]


def test_the_question_names_every_host_and_the_limit() -> None:
    text = confirm.question("All will be moved.", ["h1", "h2", "h3"], 120)
    assert text.splitlines() == [
        "All will be moved.",
        "3 hosts: h1, h2, h3",
        "Do you want to go on? Only 'yes' is accepted, within 120 seconds:",
    ]
