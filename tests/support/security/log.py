# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves where others can read it: the system's log, and the command lines and files of processes."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

DEV_LOG = "/dev/log"
SECONDS_BETWEEN_LOOKS = 0.05


class SystemLog:
    """Everything that is sent to syslog from now on: by a socket of our own, or from the journal where one runs."""

    def __init__(self) -> None:
        self._since = time.strftime("%Y-%m-%d %H:%M:%S")
        self._socket: socket.socket | None = None
        if not os.path.exists(DEV_LOG):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.bind(DEV_LOG)
            os.chmod(DEV_LOG, 0o666)
            self._socket.settimeout(0.2)
        elif not os.path.realpath(DEV_LOG).startswith("/run/systemd/"):
            raise RuntimeError(f"{DEV_LOG} is somebody else's: the journal has nothing of what is sent there")
        self._ended = threading.Event()
        self._lines: list[bytes] = []
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        while self._socket is not None and not self._ended.is_set():
            with contextlib.suppress(socket.timeout):
                self._lines.append(self._socket.recv(1 << 20))

    def stop(self) -> bytes:
        """All of it."""
        self._ended.set()
        self._thread.join()
        if self._socket is None:
            line = ["journalctl", "--no-pager", "--output=cat", "--all", f"--since={self._since}"]
            return subprocess.run(line, capture_output=True, check=True).stdout
        self._socket.close()
        os.unlink(DEV_LOG)
        return b"\n".join(self._lines)


class CommandLines:
    """The command lines of all processes, looked at twenty times a second: any user can read them."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_LOOKS):
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    with contextlib.suppress(OSError):
                        self.seen.add((entry / "cmdline").read_bytes())

    def stop(self) -> bytes:
        self._ended.set()
        self._thread.join()
        return b"\n".join(self.seen)


def files_with(secret: str, root: Path, but: set[str]) -> Iterator[str]:
    """Names of the files below `root` that contain the secret, except files of these names."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.name not in but and secret.encode() in path.read_bytes():
            yield str(path.relative_to(root))
