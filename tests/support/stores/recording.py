# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seams for tests: record every change to the disk, fail the n-th one, or be killed at it."""

from __future__ import annotations

import errno
import os
from typing import Any, Callable, List, Sequence, Tuple

from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import Buffer, SystemCalls


class Killed(BaseException):
    """The process is gone: no handler of a StoreError or OSError sees it, and no later change reaches the disk."""


class Recorder(SystemCalls):
    """Makes the real calls and lists them as (name, what): a file name, or the path behind a descriptor."""

    def __init__(self) -> None:
        self.made: List[Tuple[str, str]] = []

    def _before(self, name: str, what: str) -> None:
        self.made.append((name, what))

    def open(self, name: str, flags: int, mode: int, dir_fd: int) -> int:
        self._before("open", name)
        return super().open(name, flags, mode, dir_fd)

    def pwritev(self, fd: int, buffers: Sequence[Buffer], off: int) -> int:
        self._before("pwritev", path_of(fd))
        return super().pwritev(fd, buffers, off)

    def fsync(self, fd: int) -> None:
        self._before("fsync", path_of(fd))
        super().fsync(fd)

    def rename(self, old: str, new: str, dir_fd: int) -> None:
        self._before("rename", f"{old} > {new}")
        super().rename(old, new, dir_fd)

    def link(self, old: str, new: str, dir_fd: int) -> None:
        self._before("link", f"{old} > {new}")
        super().link(old, new, dir_fd)

    def symlink(self, target: str, name: str, dir_fd: int) -> None:
        self._before("symlink", name)
        super().symlink(target, name, dir_fd)

    def unlink(self, name: str, dir_fd: int) -> None:
        self._before("unlink", name)
        super().unlink(name, dir_fd)

    def mkdir(self, name: str, mode: int, dir_fd: int) -> None:
        self._before("mkdir", name)
        super().mkdir(name, mode, dir_fd)

    def rmdir(self, name: str, dir_fd: int) -> None:
        self._before("rmdir", name)
        super().rmdir(name, dir_fd)

    def ftruncate(self, fd: int, length: int) -> None:
        self._before("ftruncate", path_of(fd))
        super().ftruncate(fd, length)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        self._before("fchown", path_of(fd))
        super().fchown(fd, uid, gid)

    def fchmod(self, fd: int, mode: int) -> None:
        self._before("fchmod", path_of(fd))
        super().fchmod(fd, mode)

    def setxattr(self, fd: int, name: str, value: bytes) -> None:
        self._before("setxattr", path_of(fd))
        super().setxattr(fd, name, value)


class FailNth(Recorder):
    """The n-th change (from 0) fails with an errno; with `onwards` every later one, too."""

    def __init__(self, number: int, error: int = errno.EIO, onwards: bool = False) -> None:
        super().__init__()
        self.number = number
        self.error = error
        self.onwards = onwards

    def _before(self, name: str, what: str) -> None:
        super()._before(name, what)
        done = len(self.made) - 1
        if done == self.number or (self.onwards and done > self.number):
            raise OSError(self.error, os.strerror(self.error))


class KillAt(Recorder):
    """The process is killed just before its n-th change (from 0)."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def _before(self, name: str, what: str) -> None:
        if len(self.made) >= self.number:
            raise Killed
        super()._before(name, what)


class Hook(Recorder):
    """Calls `action` once, just before the first change that `when` picks."""

    def __init__(self, when: Callable[[str, str], bool], action: Callable[[], Any]) -> None:
        super().__init__()
        self.when = when
        self.action = action
        self.done = False

    def _before(self, name: str, what: str) -> None:
        if not self.done and self.when(name, what):
            self.done = True
            self.action()
        super()._before(name, what)


def path_of(fd: int) -> str:
    """The last component of the path behind a descriptor."""
    return os.path.basename(os.readlink(f"/proc/self/fd/{fd}"))
