# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress lines on the controller while a module runs on the target. They must never make a task fail.

They go to stderr: what a callback like ansible.posix.json writes to stdout has to stay whole.

A thread beside the blocking call of the module reads the module's progress file over the same connection.
Asynchronous tasks would cost seconds for each conversion, while a server is out of its cluster.
"""

from __future__ import annotations

import copy
import shlex
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Dict, Optional, Sequence, Type

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.module_utils._progress import Progress, parse
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.transaction import shown

INTERVAL_S = 1.0
WAIT_S = 5.0  # a wait tells nothing before, and one that is over by then costs no look
COST_FACTOR = 5  # without a persistent ssh connection each look costs a login, 0.4 s: do not load the host with them
JOIN_S = 5.0
ENDING = (signal.SIGINT, signal.SIGTERM)


def twin_of(action: ActionBase) -> ActionBase:
    """A copy of the action whose commands can run beside the action's own.

    Connection and become plugins keep the state of the running command, so each of the two needs its own.
    """
    twin = copy.copy(action)
    twin._connection = copy.copy(action._connection)
    if twin._connection.become:
        twin._connection.become = copy.copy(twin._connection.become)
    return twin


def line(host: str, progress: Progress) -> str:
    """One line for a person: what is waited for; entries done of total, rate, time left; else the step."""
    if progress.waits:
        return f"{host}: {progress.waits}"
    if progress.total <= 0:
        return f"{host}: {shown(progress.phase)}"
    text = f"{host}: {shown(progress.phase)} {progress.done} / {progress.total} entries"
    if progress.elapsed_s <= 0 or progress.done <= 0:
        return text
    rate = progress.bytes_done / progress.elapsed_s / 1e6
    left_s = progress.elapsed_s * (progress.total - progress.done) / progress.done
    return f"{text}, {rate:.1f} MB/s, {left_s:.0f} s left"


class ProgressLines:
    """A context manager: while its body runs, shows what is new in the file, at most once a second.

    The first look is after `first_s` seconds. `opening` is shown once, as soon as the step is none of `before`.
    """

    def __init__(
        self,
        action: ActionBase,
        host: str,
        path: str,
        first_s: float = INTERVAL_S,
        opening: str = "",
        before: Sequence[str] = (),
    ) -> None:
        self._first_s = first_s
        self._opening, self._before = opening, before
        self._twin = twin_of(action)
        self._host = host
        self._command = f"cat {shlex.quote(path)}"
        self._display = Display()
        self._ended = threading.Event()
        self._showing = threading.RLock()  # a second signal may come while the first one is dealt with
        self._earlier: Dict[int, Any] = {}
        self._thread = threading.Thread(target=self._run, name=f"progress of {host}", daemon=True)

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                self._earlier[number] = signal.signal(number, self._end)
        self._thread.start()

    def __exit__(
        self, _kind: Optional[Type[BaseException]], _error: Optional[BaseException], _trace: Optional[TracebackType]
    ) -> None:
        self._ended.set()
        self._thread.join(JOIN_S)
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def _end(self, number: int, frame: Optional[FrameType]) -> None:
        """What Ansible does at this signal, once no line is on its way.

        It ends the process at once. All processes of Ansible share one queue for what they show. One that ends while it
        holds the queue's lock leaves its parent waiting for the lock for ever: Ctrl-C would hang.
        """
        with self._showing:
            signal.signal(number, self._earlier[number])
            signal.raise_signal(number)

    def _run(self) -> None:
        # A Ctrl-C delivered to this thread would not wake the main thread, which waits for the module.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        wait_s, shown = self._first_s, ""
        while not self._ended.wait(wait_s):
            begin = time.monotonic()
            try:
                shown = self._show_new(shown)
            except Exception as error:  # the connection's own errors have no common class; the work goes on unseen
                self._display.vvv(f"{self._host}: no progress: {error}")
            wait_s = max(INTERVAL_S, COST_FACTOR * (time.monotonic() - begin))

    def _show_new(self, shown: str) -> str:
        """Look, and show the line if it differs from the last one shown; returns the last one shown."""
        progress = parse(self._twin._low_level_execute_command(self._command)["stdout"])
        text = line(self._host, progress) if progress else shown
        if progress and self._opening and progress.phase not in self._before:
            self._say(f"{self._host}: {self._opening}")
            self._opening = ""
        if text != shown and not self._ended.is_set():
            self._say(text)
        return text

    def _say(self, text: str) -> None:
        with self._showing:
            self._display.display(text, stderr=True)
