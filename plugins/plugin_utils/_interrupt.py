# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C while a task on the controller waits: what is to be said before Ansible ends.

Ansible tells its workers of a Ctrl-C and no longer shows what they send it. Their own outputs lead nowhere. So the last
words go straight to where Ansible itself shows errors. It ends only when its workers have ended, so they come before
the shell is back.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from types import FrameType
from typing import Iterator, Optional


class Interrupted(BaseException):
    """Ctrl-C was pressed in interruptible()."""


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """While its body waits, Ctrl-C raises Interrupted. Outside of it, it is as before.

    For what only waits: it may be raised between any two steps of the body.
    """

    def end(_number: int, _frame: Optional[FrameType]) -> None:
        # Ansible sends SIGTERM at once after SIGINT. Who has interrupted this ends by itself when all is said.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Interrupted

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)


def last_words(pid: int, text: str, proc: str = "/proc") -> None:
    """Write the text to where process `pid` shows its errors; nowhere, if that is gone as well."""
    with contextlib.suppress(OSError):
        output = os.open(_errors_of(pid, proc), os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
        with open(output, "w", encoding="utf-8", errors="replace") as file:
            file.write(f"{text}\n")


def _errors_of(pid: int, proc: str) -> str:
    """The path of its standard error, where there is /proc; else of its terminal."""
    if os.path.isdir(proc):
        return os.path.join(proc, str(pid), "fd", "2")
    shown = subprocess.run(["ps", "-o", "tty=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return os.path.join("/dev", shown.stdout.strip())
