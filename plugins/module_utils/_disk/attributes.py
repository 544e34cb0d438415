# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, permission bits and SELinux label: read from one open file, given to another."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple, Optional

from .syscalls import REAL, SystemCalls, fail

FILE_MODE_BITS = 0o666  # no file of a store is executable or set-id, whatever store it replaces
SELINUX_LABEL = "security.selinux"


class Attributes(NamedTuple):
    """Owner, permission bits and SELinux label that a new file takes over from the store it replaces."""

    uid: int
    gid: int
    mode: int
    label: Optional[bytes] = None

    @classmethod
    def of(cls, fd: int) -> Attributes:
        """The attributes of an open file; set-id and execute bits are left out."""
        status = os.fstat(fd)
        try:
            label: Optional[bytes] = os.getxattr(fd, SELINUX_LABEL)
        except OSError:  # no SELinux, or a file system without labels
            label = None
        return cls(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode) & FILE_MODE_BITS, label)

    def for_directory(self) -> Attributes:
        """The same for a directory: whoever may read may also search."""
        return self._replace(mode=self.mode | (self.mode & 0o444) >> 2)

    def apply(self, fd: int, path: str, calls: SystemCalls = REAL) -> None:
        """Give these attributes to an open file. Raises WriteFailed.

        The owner goes first, because chown clears mode bits.
        """
        try:
            status = os.fstat(fd)
            if (status.st_uid, status.st_gid) != (self.uid, self.gid):
                calls.fchown(fd, self.uid, self.gid)
            if stat.S_IMODE(status.st_mode) != self.mode:
                calls.fchmod(fd, self.mode)
            if self.label is not None and self.label != Attributes.of(fd).label:
                calls.setxattr(fd, SELINUX_LABEL, self.label)
        except OSError as error:
            fail(error, "set owner, mode and label", path)
