# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C while a task waits, and where its last words go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.plugin_utils._interrupt import Interrupted, interruptible, last_words


def test_ctrl_c_is_told_while_it_waits_and_is_as_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Interrupted), interruptible():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before[0]
    signal.raise_signal(signal.SIGTERM)  # as Ansible does at once; the last words are not said yet
    signal.signal(signal.SIGTERM, before[1])
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_outside_of_the_main_thread_there_is_no_ctrl_c() -> None:
    seen: list[bool] = []

    def wait() -> None:
        with interruptible():
            seen.append(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    assert seen == [True]


def test_last_words_go_to_the_errors_of_another_process(tmp_path: Path) -> None:
    path = tmp_path / "errors"
    path.write_text("before\n")
    with open(path, "a", encoding="utf-8") as errors:
        other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=errors)
    last_words(other.pid, "after")
    other.kill()
    other.wait()
    assert path.read_text() == "before\nafter\n"
    last_words(other.pid, "nobody is there any more")


def test_without_proc_they_go_to_its_terminal(tmp_path: Path) -> None:
    own, theirs = os.openpty()
    other = subprocess.Popen(
        [sys.executable, "-c", TAKE_TERMINAL, os.ttyname(theirs)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert other.stdout and other.stdout.readline() == b"ready\n"
    last_words(other.pid, "after", proc=str(tmp_path / "none"))
    assert os.read(own, 100) == b"after\r\n"
    other.kill()
    other.wait()


TAKE_TERMINAL = "import os, sys; os.open(sys.argv[1], os.O_RDWR); print('ready', flush=True); input()"
