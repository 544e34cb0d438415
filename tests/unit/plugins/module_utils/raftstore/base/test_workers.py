# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Worker processes: results and errors come back, and nothing that happens to a worker or its parent goes unnoticed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, Refused, StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.workers import SharedCounter, Tell, run

DEADLINE_S = 20.0


def ignore(_entries: int, _length: int) -> None:
    """Progress that nobody wants to see."""


def children() -> List[str]:
    """Processes that this one has not reaped."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_results_come_back_in_order(count: int) -> None:
    here = os.getpid()

    def work(task: int, tell: Tell) -> Any:
        tell(task, 10 * task)
        return [task, os.getpid() == here, "x" * 100_000]

    sums: List[Tuple[int, int]] = []
    results = run(list(range(9)), work, count, lambda entries, length: sums.append((entries, length)))
    assert [number for number, _here, _text in results] == list(range(9))
    assert all(here_too == (count == 1) and len(text) == 100_000 for _number, here_too, text in results)
    assert sums[-1] == (36, 360) and sums == sorted(sums)
    assert children() == []


def test_no_tasks() -> None:
    assert run([], lambda task, tell: task, 2, ignore) == []


@pytest.mark.parametrize("count", [1, 2])
def test_errors_keep_their_kind_and_place(count: int) -> None:
    def work(task: int, tell: Tell) -> Any:
        if task == 1:
            raise Corrupt("it is broken", "/some/file", 42, "Mend it.")
        return task

    with pytest.raises(Corrupt) as caught:
        run([0, 1, 2], work, count, ignore)
    assert str(caught.value) == "/some/file at byte 42: it is broken. Mend it."
    assert children() == []


def test_the_first_error_ends_the_other_workers() -> None:
    def work(task: int, tell: Tell) -> Any:
        if task == 1:
            raise Refused("no")
        signal.pause()

    with pytest.raises(Refused):
        run([0, 1], work, 2, ignore)
    assert children() == []


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    os._exit(0)


def overflow() -> None:
    raise OverflowError("not a StoreError")


@pytest.mark.parametrize(
    ("end", "problem"),
    [
        (kill_self, r"a worker process \(pid \d+\) was killed by SIGKILL .* run the same command again"),
        (leave, r"a worker process \(pid \d+\) failed before its work was done"),
        (overflow, "a worker process failed: OverflowError.'not a StoreError'."),
        (lambda: sys.exit(3), r"a worker process \(pid \d+\) failed"),
    ],
)
def test_a_worker_that_ends_too_early_is_an_error(end: Callable[[], None], problem: str) -> None:
    def work(task: int, tell: Tell) -> Any:
        if task == 3:
            end()
        return task

    with pytest.raises(StoreError, match=problem):
        run([0, 1, 2, 3], work, 2, ignore)
    assert children() == []


def test_workers_write_nothing_to_the_standard_streams(capfd: pytest.CaptureFixture[str]) -> None:
    def work(task: int, tell: Tell) -> Any:
        os.write(1, b"noise")
        os.write(2, b"noise")
        return os.read(0, 1).decode()

    assert run([0, 1], work, 2, ignore) == ["", ""]
    assert capfd.readouterr() == ("", "")


PARENT = """
import os, signal, sys
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.workers import run

def work(task, tell):
    print(os.getpid(), file=channel, flush=True)
    signal.pause()

channel = open(os.dup(1), "w")
run([0, 1], work, 2, lambda entries, length: None)
"""


def test_workers_die_with_a_parent_that_was_killed() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, env=environment)
    assert parent.stdout is not None
    pids = [int(parent.stdout.readline()), int(parent.stdout.readline())]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + DEADLINE_S
    while any(running(pid) for pid in pids):
        assert time.monotonic() < deadline, "a worker outlived its parent"


def running(pid: int) -> bool:
    """Whether a process exists and is not just waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_no_number_is_given_out_twice_and_none_is_left_out() -> None:
    counter = SharedCounter(3)

    def take(task: int, _tell: Tell) -> List[List[int]]:
        return [[counter.take(1 + number % task), 1 + number % task] for number in range(300)]

    taken = sorted(run for result in run([2, 3, 5], take, 3, ignore) for run in result)
    expected = 3
    for first, count in taken:
        assert first == expected
        expected += count
    assert counter.take(0) == counter.take(1) == expected
    counter.close()
