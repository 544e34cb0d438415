# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two rolls of one controller, each a real process: which is kept out, and when a note no longer counts."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.raftops.nomad.plugins.plugin_utils import _rolls as rolls

ABC = ["id-a", "id-b", "id-c"]
WAITING = [sys.executable, "-c", "import sys; sys.stdin.read()"]


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """Another run, alive until its stdin is closed or it is killed."""
    process = subprocess.Popen(WAITING, stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def notes(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def begin(pid: int, servers: list[str], directory: Path, keep: bool = True) -> None:
    rolls.begin(pid, servers, keep, str(directory))


@pytest.mark.parametrize("servers", [ABC, ["id-c", "id-d"]])
def test_a_roll_through_one_of_the_same_servers_is_kept_out(
    servers: list[str], other: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    begin(other.pid, ABC, tmp_path)
    before = notes(tmp_path)
    for keep in True, False:
        with pytest.raises(AnsibleActionFail, match=f"Process {other.pid} of .* since 20.*run this again"):
            begin(os.getpid(), servers, tmp_path, keep)
    assert notes(tmp_path) == before and len(before) == 1, "who is kept out leaves no note"


def test_a_roll_through_other_servers_is_nobodys_business(other: subprocess.Popen[bytes], tmp_path: Path) -> None:
    begin(other.pid, ABC, tmp_path)
    begin(os.getpid(), ["id-x", "id-y"], tmp_path)
    assert len(notes(tmp_path)) == 2


def test_the_same_run_may_begin_again(tmp_path: Path) -> None:
    begin(os.getpid(), ABC, tmp_path)
    begin(os.getpid(), ABC, tmp_path)
    begin(os.getpid(), ABC[1:], tmp_path)


@pytest.mark.parametrize("reaped", [True, False], ids=["gone", "zombie"])
def test_a_killed_run_keeps_nobody_out_and_its_note_is_removed(
    reaped: bool, other: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    begin(other.pid, ABC, tmp_path)
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | (0 if reaped else os.WNOWAIT))
    begin(os.getpid(), ABC, tmp_path)
    assert len(notes(tmp_path)) == 1 and str(os.getpid()) in notes(tmp_path)[0]


def test_another_process_of_the_same_number_is_not_that_run(tmp_path: Path) -> None:
    begin(os.getppid(), ABC, tmp_path)
    (note,) = tmp_path.iterdir()
    note.write_text(json.dumps({**json.loads(note.read_text()), "born": "another boot 1"}))
    begin(os.getpid(), ABC, tmp_path)


def test_a_plan_keeps_nobody_out(tmp_path: Path) -> None:
    begin(os.getpid(), ABC, tmp_path, keep=False)
    assert notes(tmp_path) == []


def test_users_see_each_others_notes(tmp_path: Path) -> None:
    begin(os.getpid(), ABC, tmp_path)
    (note,) = tmp_path.iterdir()
    assert note.stat().st_mode & 0o777 == 0o644


DEEP = b"[" * 100_000
ENDLESS = b'{"born": "x", "user": "x", "since": "x", "pid": Infinity, "servers": []}'


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff", b'{"pid": 1}', DEEP, ENDLESS])
def test_what_is_no_note_keeps_nobody_out(content: bytes, tmp_path: Path) -> None:
    (tmp_path / f"{rolls.PREFIX}1.json").write_bytes(content)
    begin(os.getpid(), ABC, tmp_path)


def test_what_is_no_file_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"{rolls.PREFIX}fifo.json")
    (tmp_path / f"{rolls.PREFIX}link.json").symlink_to("/etc/passwd")
    (tmp_path / f"{rolls.PREFIX}directory.json").mkdir()
    begin(os.getpid(), ABC, tmp_path)


def test_where_no_note_can_be_kept_no_roll_begins(tmp_path: Path) -> None:
    with pytest.raises(AnsibleActionFail, match="Cannot see whether another roll is under way"):
        begin(os.getpid(), ABC, tmp_path / "missing")


def test_without_proc_the_time_of_birth_comes_from_ps(other: subprocess.Popen[bytes]) -> None:
    assert rolls._born_elsewhere(other.pid)
    other.kill()
    other.communicate()
    assert rolls._born_elsewhere(other.pid) == ""


def orphan(answers: Any) -> None:
    """A worker; what it finds out while its parent lives, and after that is gone."""
    told = [str(rolls.ansible())]
    answers.send(os.getppid())
    while os.getppid() == multiprocessing.parent_process().pid:  # type: ignore[union-attr]
        time.sleep(0.01)
    try:
        rolls.ansible()
    except AnsibleActionFail as error:
        told.append(str(error))
    answers.send(told)


def run_of(answers: Any) -> None:
    """A run, until it is killed."""
    multiprocessing.get_context("fork").Process(target=orphan, args=(answers,)).start()
    signal.pause()


def test_a_worker_that_has_outlived_its_run_does_nothing() -> None:
    """Process 1, its parent then, never ends: what is noted for it would be in the way until the next boot."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    run = context.Process(target=run_of, args=(theirs,))
    run.start()
    assert ours.recv() == run.pid
    run.kill()
    run.join()
    assert ours.recv() == [str(run.pid), f"The run of which this is a part, process {run.pid}, has ended."]
