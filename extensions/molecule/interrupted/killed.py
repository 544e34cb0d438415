# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts the store below DATA_DIR and is killed just before the switch: killed.py PACKAGES DATA_DIR"""

from __future__ import annotations

import os
import signal
import sys

sys.path.insert(0, sys.argv[1])

from module_utils._disk.syscalls import SystemCalls
from module_utils._raftstore.conversion.request import Request
from module_utils._raftstore.migrate import migrate


class Killed(SystemCalls):
    """Every change reaches the disk up to the rename over raft.db, which does not."""

    def rename(self, old: str, new: str, dir_fd: int) -> None:
        if new == "raft.db":
            os.kill(os.getpid(), signal.SIGKILL)
        super().rename(old, new, dir_fd)


migrate(Request(sys.argv[2], effective_backend=lambda: "wal"), Killed())
