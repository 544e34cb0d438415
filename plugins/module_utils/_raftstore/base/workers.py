# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run tasks in forked worker processes: results and errors come back through pipes, and no worker outlives its parent.

Knows nothing of stores. Fork from the main thread, with everything imported: the death signal follows the thread that
forked, and the module's own files may be gone once the parent has ended. Workers must not touch the standard streams:
what a module prints is its result, and a worker that holds stdout open after the parent's end keeps Ansible waiting.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import struct
import time
from typing import Any, Callable, Dict, List, Sequence, TypeVar

from ..._disk.errors import StoreError, from_dict

PROGRESS_INTERVAL_S = 0.25
PIPE_READ_LEN = 1 << 16
_PR_SET_PDEATHSIG = 1
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_LEN, _MAPPED_LEN = 16 << 20, 8 << 20
_LIBC: Any = ctypes.CDLL(None)

Task = TypeVar("Task")
Tell = Callable[[int, int], None]
"""Called by a task after each step: entries and bytes done since the last call."""


def process_count(wanted: int) -> int:
    """How many processes to use: as many as wanted; with 0, one for each core that this process may use."""
    return wanted or len(os.sched_getaffinity(0))


class SharedCounter:
    """A number that this process and its workers share: `take` gives out consecutive runs, none of them twice.

    The number waits in a pipe, so only one process at a time has it. If a process dies while holding it, the others
    wait until the parent notices the death and ends them.
    """

    _NUMBER = struct.Struct("=Q")

    def __init__(self, first: int) -> None:
        self._read_fd, self._write_fd = os.pipe()
        self._put(first)

    def take(self, count: int) -> int:
        """The first of the next `count` numbers; with 0, the next number."""
        (first,) = self._NUMBER.unpack(os.read(self._read_fd, self._NUMBER.size))
        self._put(first + count)
        return int(first)

    def _put(self, number: int) -> None:
        os.write(self._write_fd, self._NUMBER.pack(number))

    def close(self) -> None:
        """Close the pipe."""
        for fd in (self._read_fd, self._write_fd):
            os.close(fd)


class _Rate:
    """Adds up what is done, and passes the sums on at most every `PROGRESS_INTERVAL_S`."""

    def __init__(self, sink: Callable[[int, int], None]) -> None:
        self._sink = sink
        self._sums = [0, 0]
        self._next_s = 0.0

    def tell(self, entries: int, length: int) -> None:
        """Add to the sums."""
        self._sums[0] += entries
        self._sums[1] += length
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + PROGRESS_INTERVAL_S
            self.flush()

    def flush(self) -> None:
        """Pass the sums on now."""
        self._sink(self._sums[0], self._sums[1])


class _Worker:
    """The parent's side of one worker process."""

    def __init__(self, pid: int, fd: int) -> None:
        self.pid = pid
        self.fd = fd
        self.done = [0, 0]
        self._complete = False
        self._reaped = False
        self._rest = b""

    def receive(self, results: Dict[int, Any]) -> bool:
        """Take in what has come through the pipe; False if it was closed. Raises the worker's StoreError."""
        chunk = os.read(self.fd, PIPE_READ_LEN)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for kind, *values in map(json.loads, lines):
            if kind == "error":
                raise from_dict(values[0])
            if kind == "done":
                self.done = values
            elif kind == "result":
                results[values[0]] = values[1]
            else:
                self._complete = True
        return bool(chunk)

    def finish(self) -> None:
        """Reap a worker whose pipe is closed. Raises StoreError unless it has done all its work."""
        status = self._reap()
        if not self._complete or status != 0:
            how = f"was killed by {signal.Signals(os.WTERMSIG(status)).name}" if os.WIFSIGNALED(status) else "failed"
            raise StoreError(
                f"a worker process (pid {self.pid}) {how} before its work was done",
                hint="The kernel log says whether memory ran out. Nothing is lost: run the same command again.",
            )

    def stop(self) -> None:
        """End the process if it still runs."""
        if not self._reaped:
            os.kill(self.pid, signal.SIGKILL)
            self._reap()

    def _reap(self) -> int:
        os.close(self.fd)
        self._reaped = True
        return os.waitpid(self.pid, 0)[1]


def run(tasks: Sequence[Task], work: Callable[[Task, Tell], Any], count: int, progress: Tell) -> List[Any]:
    """Results of `work(task, tell)` for all tasks, in order. Results must be plain values: they cross a pipe as JSON.

    With `count` 1 (or a single task) everything runs in this process. `progress` is called in this process, a few
    times a second, with the entries and bytes done so far. Raises the StoreError of a task, or one that names the
    signal when a worker was killed; the other workers are ended first.
    """
    _keep_freed_memory()
    if count <= 1 or len(tasks) <= 1:
        rate = _Rate(progress)
        results = [work(task, rate.tell) for task in tasks]
        rate.flush()
        return results
    workers: List[_Worker] = []
    try:
        for number in range(min(count, len(tasks))):
            workers.append(_start(range(number, len(tasks), count), tasks, work))
        return _collect(workers, len(tasks), progress)
    finally:
        for worker in workers:
            worker.stop()


def _keep_freed_memory() -> None:
    """Let this process and its workers reuse freed memory.

    Buffers of a megabyte come and go. By default glibc gives each back to the kernel, which clears pages for the next
    one: up to a third of all the time for long entries. Anything larger than `_MAPPED_LEN` still goes back at once.
    """
    mallopt = getattr(_LIBC, "mallopt", None)  # only glibc has it
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_LEN)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_LEN)


def _collect(workers: Sequence[_Worker], task_count: int, progress: Tell) -> List[Any]:
    results: Dict[int, Any] = {}
    running = {worker.fd: worker for worker in workers}
    poll = select.poll()
    for fd in running:
        poll.register(fd, select.POLLIN)
    while running:
        for fd, _event in poll.poll():
            if not running[fd].receive(results):
                poll.unregister(fd)
                running.pop(fd).finish()
        progress(sum(worker.done[0] for worker in workers), sum(worker.done[1] for worker in workers))
    return [results[number] for number in range(task_count)]


def _start(numbers: Sequence[int], tasks: Sequence[Task], work: Callable[[Task, Tell], Any]) -> _Worker:
    """Fork a worker for the tasks of these numbers."""
    parent_pid = os.getpid()
    read_fd, write_fd = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(read_fd)
        os.close(write_fd)
        raise StoreError(
            f"cannot start a worker process: {os.strerror(error.errno or 0)}", hint="Run again with workers: 1."
        ) from error
    if pid == 0:
        status = 1
        try:  # whatever happens, no more of the parent's code may run here
            _prepare(parent_pid)
            status = _serve(write_fd, numbers, tasks, work)
        finally:
            os._exit(status)
    os.close(write_fd)
    return _Worker(pid, read_fd)


def _prepare(parent_pid: int) -> None:
    """Die with the parent, and release its standard streams."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before the call above
        os._exit(1)
    null_fd = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null_fd, fd)


def _serve(write_fd: int, numbers: Sequence[int], tasks: Sequence[Task], work: Callable[[Task, Tell], Any]) -> int:
    def send(*message: Any) -> None:
        todo = json.dumps(message).encode("ascii") + b"\n"
        while todo:
            todo = todo[os.write(write_fd, todo) :]

    rate = _Rate(lambda entries, length: send("done", entries, length))
    try:
        for number in numbers:
            send("result", number, work(tasks[number], rate.tell))
        rate.flush()
        send("end")
    except StoreError as error:
        send("error", error.as_dict())
    except Exception as error:  # a bug or no memory: the parent must say so in one sentence
        send("error", StoreError(f"a worker process failed: {error!r}", hint="Please report this.").as_dict())
    return 0
