# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another process that has a store open, as a Nomad server has that starts at the wrong moment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import fcntl, os, sys
path, how = sys.argv[1:]
fd = os.open(path, os.O_RDONLY if os.path.isdir(path) else os.O_RDWR)
if how == "lock":
    fcntl.flock(fd, fcntl.LOCK_EX)
print("ready", flush=True)
if how == "wait":
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.pwrite(fd, b"!", os.fstat(fd).st_size)
    print("written", flush=True)
sys.stdin.read()
"""


class Server:
    """Opens a file, and `how`: just has it "open", has its "lock", or "wait"s for the lock and then writes a "!"."""

    def __init__(self, path: Path, how: str) -> None:
        self._command = [sys.executable, "-c", SCRIPT, str(path), how]
        self._how = how
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "it was not started"
        return self._process.pid

    def start(self) -> None:
        """Start it; it has the file open, or locked, then."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None and self._process.stdout.readline() == "ready\n"

    def stop(self) -> None:
        """End it; one that waits for a lock must have got it, and has written."""
        assert self._process is not None
        told, _stderr = self._process.communicate("")
        assert told == ("written\n" if self._how == "wait" else "")
