# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems that can clone a file, and that cannot, for stores that nobody writes to; and a server that has one."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import List

from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import SystemCalls
from support.stores.recording import KillAt


def copy(fd: int, source_fd: int) -> None:
    os.pwrite(fd, os.pread(source_fd, os.fstat(source_fd).st_size, 0), 0)


class Cloning(SystemCalls):
    """A file system that can clone."""

    def clone(self, fd: int, source_fd: int) -> None:
        copy(fd, source_fd)


class KilledAt(KillAt):
    def clone(self, fd: int, source_fd: int) -> None:
        self._before("clone", "")
        copy(fd, source_fd)


class Without(SystemCalls):
    """One that cannot."""

    def clone(self, fd: int, source_fd: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "no")


def serve(fds: List[int], path: Path) -> None:
    fd = os.open(path, os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    fds.append(fd)
