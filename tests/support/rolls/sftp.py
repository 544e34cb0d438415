# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that come by SFTP, as Ansible sends its modules where it does not pipeline. They land on this machine."""

from __future__ import annotations

import os
from typing import Any

import paramiko


class Files(paramiko.SFTPServerInterface):
    """As much of it as `put` needs."""

    def realpath(self, path: str) -> str:
        return os.path.realpath(path)

    def canonicalize(self, path: str) -> str:
        return os.path.realpath(path)

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(os.stat(path))
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> Any:
        handle = paramiko.SFTPHandle(flags)
        try:
            file = os.fdopen(os.open(path, flags, 0o600), "wb" if flags & os.O_WRONLY else "rb")
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        handle.filename = path
        handle.writefile = handle.readfile = file
        return handle

    def chattr(self, path: str, attr: paramiko.SFTPAttributes) -> int:
        """Modes and times are not kept: nobody asks for them."""
        return int(paramiko.SFTP_OK)
