# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seams that count the changes of all processes of a run together, and do something to the run at the n-th.

The count is shared memory under a lock, so that the n-th change is the same moment whichever process makes it.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import select
import signal
import struct
from collections.abc import Sequence
from typing import NamedTuple

from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import Buffer
from support.stores.recording import Recorder


class Change(NamedTuple):
    """One change as it was made: the call, the name (see Recorder), and whether a worker made it."""

    name: str
    what: str
    by_worker: bool


class Counting(Recorder):
    """Makes the real calls and counts them; `changes` lists them after the run."""

    _NUMBER = struct.Struct("=Q")

    def __init__(self) -> None:
        super().__init__()
        self._count = mmap.mmap(-1, mmap.PAGESIZE)
        self._log_fd = os.memfd_create("changes")
        self.main_pid = 0

    def begin(self) -> None:
        """This process is the run; those it forks are its workers."""
        self.main_pid = os.getpid()

    @property
    def is_worker(self) -> bool:
        return os.getpid() != self.main_pid

    def changes(self) -> list[Change]:
        os.lseek(self._log_fd, 0, os.SEEK_SET)
        with open(os.dup(self._log_fd)) as log:
            lines = [line.rstrip("\n").split("\t") for line in log]
        return [Change(name, what, worker == "worker") for name, what, worker in lines]

    def close(self) -> None:
        self._count.close()
        os.close(self._log_fd)

    def _before(self, name: str, what: str) -> None:
        fcntl.lockf(self._log_fd, fcntl.LOCK_EX)
        try:
            (number,) = self._NUMBER.unpack_from(self._count)
            self._NUMBER.pack_into(self._count, 0, number + 1)
            os.write(self._log_fd, f"{name}\t{what}\t{'worker' if self.is_worker else 'main'}\n".encode())
        finally:
            fcntl.lockf(self._log_fd, fcntl.LOCK_UN)
        self.act(number)

    def act(self, number: int) -> None:
        """Called before the change of this number is made."""


class Strike(Counting):
    """A signal just before the n-th change: to the process that makes it, or to the whole run.

    The run is its main process: workers then die by the death signal that they have asked for. A SIGINT goes to all, as
    Ctrl-C on a terminal does.
    """

    def __init__(self, at: int, sig: int = signal.SIGKILL, worker_only: bool = False) -> None:
        super().__init__()
        self.at = at
        self.sig = sig
        self.worker_only = worker_only

    def act(self, number: int) -> None:
        if number != self.at:
            return
        if self.is_worker and self.worker_only:
            os.kill(os.getpid(), self.sig)
        elif self.is_worker:
            os.kill(self.main_pid, self.sig)
            if self.sig == signal.SIGKILL:
                signal.pause()  # the death signal is on its way
        os.kill(os.getpid(), self.sig)


class Pause(Counting):
    """The run waits before its n-th change until `go` is called; `reached` waits until it is there."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at
        self._there_r, self._there_w = os.pipe()
        self._go_r, self._go_w = os.pipe()

    def act(self, number: int) -> None:
        if number == self.at:
            os.write(self._there_w, b"!")
            os.read(self._go_r, 1)

    def reached(self, run_pid: int) -> bool:
        """Whether the run is there; False when it has ended before."""
        pid_fd = os.pidfd_open(run_pid)
        try:
            ready, _write, _other = select.select([self._there_r, pid_fd], [], [])
            return self._there_r in ready
        finally:
            os.close(pid_fd)

    def go(self) -> None:
        os.write(self._go_w, b"!")

    def close(self) -> None:
        super().close()
        for fd in (self._there_r, self._there_w, self._go_r, self._go_w):
            os.close(fd)


class Failing(Counting):
    """The n-th change fails with this error; with `onwards` every later one does, too."""

    def __init__(self, at: int, error: int, onwards: bool = False) -> None:
        super().__init__()
        self.at = at
        self.error = error
        self.onwards = onwards

    def act(self, number: int) -> None:
        if number == self.at or (self.onwards and number > self.at):
            raise OSError(self.error, os.strerror(self.error))


class ShortWrite(Counting):
    """Where the n-th change is a write it is cut short, as on a disk that fills up; `then_full`: later ones fail."""

    def __init__(self, at: int, then_full: bool) -> None:
        super().__init__()
        self.at = at
        self.then_full = then_full
        self._now = False

    def act(self, number: int) -> None:
        self._now = number == self.at
        if self.then_full and number > self.at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def pwritev(self, fd: int, buffers: Sequence[Buffer], off: int) -> int:
        self._before("pwritev", os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))
        if not self._now:
            return os.pwritev(fd, buffers, off)
        self._now = False
        whole = b"".join(bytes(buffer) for buffer in buffers)
        return os.pwrite(fd, whole[: max(1, len(whole) // 2)], off)
