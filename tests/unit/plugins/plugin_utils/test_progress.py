# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress lines are read over the action's own connection, and never disturb the action."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins import loader as plugins
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.action.raft_migrate_backend import ActionModule
from ansible_collections.raftops.nomad.plugins.module_utils._progress import Progress, render
from ansible_collections.raftops.nomad.plugins.plugin_utils import _progress as progress

DEADLINE_S = 20.0


def local_action(become: bool = False) -> ActionBase:
    """The action as Ansible makes it, with a real local connection."""
    context = PlayContext()
    connection = plugins.connection_loader.get("local", context)
    loader = DataLoader()
    action = ActionModule(Task(), connection, context, loader, Templar(loader=loader), plugins)
    if become:
        connection.set_become_plugin(plugins.become_loader.get("su"))
    return action


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, str]]:
    """Lines shown to the user, each with its time."""
    lines: list[tuple[float, str]] = []

    def display(_display: Display, message: str, *_args: Any, **_kwargs: Any) -> None:
        lines.append((time.monotonic(), message))

    monkeypatch.setattr(Display, "display", display)
    return lines


def wait_for_lines(shown: list[tuple[float, str]], count: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while len(shown) < count:
        assert time.monotonic() < deadline, shown
        threading.Event().wait(0.02)


def test_a_twin_shares_no_plugin_that_keeps_the_state_of_a_command() -> None:
    action = local_action(become=True)
    twin = progress.twin_of(action)
    assert twin._connection is not action._connection
    assert twin._connection.become is not action._connection.become
    assert twin._task is action._task


def test_a_twin_runs_commands_while_the_action_does() -> None:
    action = local_action()
    twin = progress.twin_of(action)
    results: dict[str, Any] = {}
    long = threading.Thread(
        target=lambda: results.update(action._low_level_execute_command("sleep 1; echo long")), daemon=True
    )
    long.start()
    assert twin._low_level_execute_command("echo short")["stdout"].strip() == "short"
    assert long.is_alive()
    long.join(DEADLINE_S)
    assert results["stdout"].strip() == "long"


def test_lines_come_no_faster_than_once_a_second_and_only_when_new(
    tmp_path: Path, shown: list[tuple[float, str]]
) -> None:
    file = tmp_path / "with 'quotes' and spaces"
    file.write_bytes(render(Progress("convert", 250, 1000, 5_000_000, 0.5)))
    with progress.ProgressLines(local_action(), "h1", str(file)):
        wait_for_lines(shown, 1)
        threading.Event().wait(1.5)
        assert len(shown) == 1
        file.write_bytes(render(Progress("verify", 1000, 1000, 20_000_000, 2.0)))
        wait_for_lines(shown, 2)
    assert [text for when, text in shown] == [
        "h1: converting 250 / 1000 entries, 10.0 MB/s, 2 s left",
        "h1: comparing 1000 / 1000 entries, 10.0 MB/s, 0 s left",
    ]
    assert shown[1][0] - shown[0][0] >= 1.0


def test_lines_leave_stdout_to_the_callback(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """ansible.posix.json and others write one document there, which a line in between would break."""
    file, shown = tmp_path / "progress", ""
    file.write_bytes(render(Progress("convert", 250, 1000, 5_000_000, 0.5)))
    with progress.ProgressLines(local_action(), "h1", str(file)):
        deadline = time.monotonic() + DEADLINE_S
        while "entries" not in shown:
            assert time.monotonic() < deadline
            threading.Event().wait(0.02)
            out, err = capfd.readouterr()
            shown += err
            assert out == ""
    assert "h1: converting 250 / 1000 entries, 10.0 MB/s, 2 s left" in shown


def test_no_file_no_lines_and_no_failure(tmp_path: Path, shown: list[tuple[float, str]]) -> None:
    with progress.ProgressLines(local_action(), "h1", str(tmp_path / "absent")):
        threading.Event().wait(1.3)
    assert shown == []


def test_a_connection_that_breaks_is_no_failure_of_the_action(
    tmp_path: Path, shown: list[tuple[float, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()

    def broken(*_args: Any, **_kwargs: Any) -> None:
        looked.set()
        raise RuntimeError("connection lost")

    lines = progress.ProgressLines(local_action(), "h1", str(tmp_path / "any"))
    monkeypatch.setattr(lines._twin, "_low_level_execute_command", broken)
    with lines:
        assert looked.wait(DEADLINE_S)
    assert shown == []


def test_a_signal_is_left_to_the_thread_that_waits_for_the_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delivered to the progress thread, a Ctrl-C would be noticed only when the module has ended by itself."""
    blocked: set[int] = set()
    looked = threading.Event()

    def look(*_args: Any, **_kwargs: Any) -> dict[str, str]:
        blocked.update(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        looked.set()
        return {"stdout": ""}

    lines = progress.ProgressLines(local_action(), "h1", str(tmp_path / "any"))
    monkeypatch.setattr(lines._twin, "_low_level_execute_command", look)
    with lines:
        assert looked.wait(DEADLINE_S)
    assert {signal.SIGINT, signal.SIGTERM} <= blocked
    assert not {signal.SIGINT, signal.SIGTERM} & signal.pthread_sigmask(signal.SIG_BLOCK, ())


def shows_for_long(file: Path, queue: Any) -> None:
    """A worker of Ansible: at a signal it ends at once, and what it shows goes through a queue with a lock."""

    def display(_display: Display, *_args: Any, **_kwargs: Any) -> None:
        with queue.lock:
            queue.taken.set()
            time.sleep(0.5)

    Display.display = display  # of this process only
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(1))
    with progress.ProgressLines(local_action(), "h1", str(file)):
        threading.Event().wait(DEADLINE_S)


@pytest.mark.parametrize("numbers", [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT, signal.SIGTERM)])
def test_a_signal_does_not_end_the_worker_while_it_has_the_lock_of_the_queue(
    tmp_path: Path, numbers: tuple[signal.Signals, ...]
) -> None:
    """The parent would wait for that lock for ever."""
    (tmp_path / "progress").write_bytes(render(Progress("convert", 250, 1000, 5_000_000, 0.5)))
    fork = multiprocessing.get_context("fork")
    queue = SimpleNamespace(lock=fork.Lock(), taken=fork.Event())
    worker = fork.Process(target=shows_for_long, args=(tmp_path / "progress", queue))
    worker.start()
    assert queue.taken.wait(DEADLINE_S)
    for number in numbers:
        os.kill(worker.pid or 0, number)
    worker.join(DEADLINE_S)
    assert worker.exitcode == 1
    assert queue.lock.acquire(timeout=1)


def test_the_end_of_the_module_does_not_wait_for_the_next_look(tmp_path: Path) -> None:
    begin = time.monotonic()
    with progress.ProgressLines(local_action(), "h1", str(tmp_path / "absent")):
        pass
    assert time.monotonic() - begin < 0.9


def test_nothing_is_foretold_before_there_is_something_to_tell_it_from() -> None:
    assert progress.line("h1", Progress("convert", 0, 10, 0, 0.0)) == "h1: converting 0 / 10 entries"


def test_a_wait_that_is_over_soon_costs_no_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    lines = progress.ProgressLines(local_action(), "h1", str(tmp_path / "any"), first_s=progress.WAIT_S)
    monkeypatch.setattr(lines._twin, "_low_level_execute_command", looks.append)
    with lines:
        threading.Event().wait(1.5)
    assert looks == []


def test_what_to_know_is_said_once_when_the_work_has_begun(tmp_path: Path, shown: list[tuple[float, str]]) -> None:
    file = tmp_path / "progress"
    file.write_bytes(render(Progress("last look", 0, 0, 0, 0.0)))
    with progress.ProgressLines(local_action(), "h1", str(file), opening="is out.", before=("last look",)):
        wait_for_lines(shown, 1)
        file.write_bytes(render(Progress("stop", 0, 0, 0, 0.0)))
        wait_for_lines(shown, 3)
        file.write_bytes(render(Progress("start", 0, 0, 0, 0.0)))
        wait_for_lines(shown, 4)
    assert [text for when, text in shown] == [
        "h1: asking whether it may be stopped",
        "h1: is out.",
        "h1: stopping its agent",
        "h1: starting its agent",
    ]


def test_what_is_waited_for_is_shown_instead_of_the_step() -> None:
    waits = "waits until it is back: its leader calls it unhealthy (12 s of 300 s)"
    assert progress.line("nomad-2", Progress("rejoin", 0, 0, 0, 12.0, waits)) == f"nomad-2: {waits}"


def test_of_a_step_without_entries_only_the_name_is_shown() -> None:
    assert progress.line("h1", Progress("rejoin", 0, 0, 0, 3.0)) == "h1: waiting until it is back"
