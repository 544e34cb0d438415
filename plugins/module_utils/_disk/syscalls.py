# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seam between this package and the disk: one method for each system call that changes something.

`durable.py` is its only user. Tests pass a subclass that records, fails or stops at the n-th change.
"""

from __future__ import annotations

import errno
import fcntl
import os
from typing import NoReturn, Sequence, Union

from .errors import NoSpace, WriteFailed

FICLONE = 0x40049409  # linux/fs.h: _IOW(0x94, 9, int). Another number on MIPS, POWER and SPARC: "cannot" there
Buffer = Union[bytes, bytearray, memoryview]


class SystemCalls:
    """The calls that change the disk, named like the system calls. Tests subclass it."""

    def open(self, name: str, flags: int, mode: int, dir_fd: int) -> int:
        """Create a file (O_CREAT is always among the flags)."""
        return os.open(name, flags, mode, dir_fd=dir_fd)

    def pwritev(self, fd: int, buffers: Sequence[Buffer], off: int) -> int:
        """Write buffers at an offset; the number of bytes written may be short."""
        return os.pwritev(fd, buffers, off)

    def clone(self, fd: int, source_fd: int) -> None:
        """Make a file share all blocks of another one; OSError where the file system cannot.

        The kernel keeps writers of the source out meanwhile, so the clone is the source at one moment.
        """
        fcntl.ioctl(fd, FICLONE, source_fd)

    def fsync(self, fd: int) -> None:
        """Flush a file or a directory to the disk.

        On an XFS that has shut itself down, the fsync of a directory succeeds although the names are lost (seen on
        Linux 6.18). Only the fstat after it fails.
        """
        os.fsync(fd)
        os.fstat(fd)

    def rename(self, old: str, new: str, dir_fd: int) -> None:
        """Rename within one directory, replacing."""
        os.rename(old, new, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)

    def link(self, old: str, new: str, dir_fd: int) -> None:
        """Give a file a second name; never replaces."""
        os.link(old, new, src_dir_fd=dir_fd, dst_dir_fd=dir_fd, follow_symlinks=False)

    def symlink(self, target: str, name: str, dir_fd: int) -> None:
        """Make a symbolic link; never replaces."""
        os.symlink(target, name, dir_fd=dir_fd)

    def unlink(self, name: str, dir_fd: int) -> None:
        """Remove a name that is not a directory."""
        os.unlink(name, dir_fd=dir_fd)

    def mkdir(self, name: str, mode: int, dir_fd: int) -> None:
        """Make a directory."""
        os.mkdir(name, mode, dir_fd=dir_fd)

    def rmdir(self, name: str, dir_fd: int) -> None:
        """Remove an empty directory."""
        os.rmdir(name, dir_fd=dir_fd)

    def ftruncate(self, fd: int, length: int) -> None:
        """Set a file's length."""
        os.ftruncate(fd, length)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        """Set the owner."""
        os.fchown(fd, uid, gid)

    def fchmod(self, fd: int, mode: int) -> None:
        """Set the mode."""
        os.fchmod(fd, mode)

    def setxattr(self, fd: int, name: str, value: bytes) -> None:
        """Set an extended attribute."""
        os.setxattr(fd, name, value)


REAL = SystemCalls()


def fail(error: OSError, doing: str, path: str) -> NoReturn:
    """Raise the operating system's error as ours: NoSpace for a full disk or quota, WriteFailed otherwise."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise NoSpace(
            f"cannot {doing}: {reason}", path, hint="Free some space and run the same command again."
        ) from error
    raise WriteFailed(
        f"cannot {doing}: {reason}", path, hint="Remove the cause and run the same command again."
    ) from error
