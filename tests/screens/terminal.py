# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One command at a real terminal: tmux, of so many columns. What is shown is read as text, without colours."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.cluster.server import wait_until

ROWS = 50
SETTINGS = """
set -g history-limit 100000
set -g status off
set -g remain-on-exit on
set -g remain-on-exit-format ""
set -g default-shell /bin/sh
"""


class Terminal:
    """Runs the command at once. To be used in a `with`, at whose end the terminal is closed, whatever runs in it."""

    def __init__(self, columns: int, command: str, root: Path, environment: dict[str, str]) -> None:
        self._environment = environment
        self._files = Path(tempfile.mkdtemp())  # one that ended a moment ago may still be there under the same name
        self._socket, settings = self._files / "socket", self._files / "conf"
        self._code = self._files / "code"
        settings.write_text(SETTINGS)
        # Ctrl-C is for the command: the shell stays to note how it has ended. tmux itself does not always know.
        noted = f"trap : INT; {command}; echo $? > {self._code}"
        size = ("-x", str(columns), "-y", str(ROWS))
        self._tmux("-f", str(settings), "new-session", "-d", *size, "-c", str(root), noted)

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-S", str(self._socket), *arguments]
        return subprocess.run(
            command, env=self._environment, stdout=subprocess.PIPE, text=True, check=True, timeout=60
        ).stdout

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_error: object) -> None:
        self._tmux("kill-server")
        shutil.rmtree(self._files)

    def lines(self) -> list[str]:
        """All that was written since the beginning, a line as it was written: not yet broken at the last column."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-").rstrip().splitlines()

    def wait_for(self, text: str, limit_s: float) -> None:
        """Until this text is shown."""
        self._wait(f"{text!r}", lambda: text in "\n".join(self.lines()), limit_s)

    def press(self, *keys: str) -> None:
        """Type, with the names that tmux has for keys: "yes", "Enter", "C-c"."""
        self._tmux("send-keys", *keys)

    def wait_end(self, limit_s: float) -> int:
        """The exit code of the command."""
        return int(self._wait("the end of the command", self._ended, limit_s))

    def _ended(self) -> str:
        return self._code.read_text() if self._code.exists() else ""

    def _wait(self, what: str, predicate: Callable[[], Any], limit_s: float) -> Any:
        try:
            return wait_until(what, predicate, limit_s)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *self.lines()[-ROWS:]])) from None
