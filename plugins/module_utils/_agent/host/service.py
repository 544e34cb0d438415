# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops an agent and keeps it stopped, and starts it again: through systemd, or through the operator's own commands.

A drop-in below /run with a condition that is never true keeps the unit stopped: neither Restart=, nor a person, nor a
configuration run can start it while its store is being converted. A mask in /run would not outrank a unit in
/etc, and the drop-in disappears with a reboot. Whether the process has released its store is raftstore's to say
(released.py).
"""

from __future__ import annotations

import os
import shlex
from contextlib import closing
from typing import Callable, NamedTuple, Optional, Sequence

from ..._disk.attributes import Attributes
from ..._disk.durable import Directory
from ..errors import AgentError
from .unit import PROPERTIES, Unit, full_name, parse

UNITS = "/run/systemd/system"
DROP_IN = "90-raft-logstore.conf"
PARTIAL = ".90-raft-logstore.partial"  # systemd reads only names that end in .conf
CONTENT = b"""# The Raft log store of this server is being converted. Removed when that is done.
[Unit]
ConditionPathExists=!/
"""
STOPPED = ("inactive", "failed")


class Ran(NamedTuple):
    """A command that has ended: exit code and outputs."""

    code: int
    stdout: str
    stderr: str


Runner = Callable[[Sequence[str]], Ran]


class Commands:
    """An agent that the operator's own commands stop and start. Nothing may start it in between."""

    def __init__(self, run: Runner, command: str) -> None:
        self._run = run
        self._command = command

    def stop(self) -> bool:
        """Run the stop command; whether something may have changed."""
        return self._done("stop")

    def release(self) -> None:
        """Nothing keeps the agent stopped here."""

    def start(self) -> bool:
        """Run the start command; whether something may have changed."""
        return self._done("start")

    def _done(self, verb: str) -> bool:
        ran = self._run(shlex.split(self._command))
        if ran.code != 0:
            said = (ran.stderr or ran.stdout).strip()[-500:] or "it said nothing"
            raise AgentError(f"the {verb} command ended with exit code {ran.code}: {said}", f"Command: {self._command}")
        return True


class Systemd:
    """An agent that is a unit of systemd."""

    def __init__(self, run: Runner, name: str, units: str = UNITS) -> None:
        self._run = run
        self._unit = full_name(name)
        self._units = units

    @property
    def barrier(self) -> str:
        """The drop-in that keeps the unit stopped, whether it is there or not."""
        return os.path.join(self._units, f"{self._unit}.d", DROP_IN)

    def stop(self) -> bool:
        """Keep the unit from being started, then stop it; whether it was running."""
        was = self._state()
        self._bar()
        self._systemctl("daemon-reload")
        # irreversibly: a start that somebody asks for meanwhile would cancel the stop
        self._systemctl("stop", "--job-mode=replace-irreversibly", self._unit)
        state = self._state()
        if state not in STOPPED:
            raise AgentError(f"the unit {self._unit} is {state} after its stop", "Look at it with systemctl status.")
        return was not in STOPPED

    def release(self) -> None:
        """Let the unit be started again."""
        if self._unbar():
            self._systemctl("daemon-reload")

    def start(self) -> bool:
        """Let the unit be started again, and start it; whether it was stopped."""
        was = self._state()
        self.release()
        if was == "failed":  # earlier failures must not count against the start limit
            self._systemctl("reset-failed", self._unit)
        self._systemctl("start", self._unit)
        if self._state() == "inactive":  # to systemctl a false condition of the unit itself is not an error
            what = f"the unit {self._unit} is still inactive after its start"
            raise AgentError(what, "One of its conditions may be false. Look at it with systemctl status.")
        return was in STOPPED

    def shown(self) -> Unit:
        """What systemd says of the unit."""
        return parse(self._systemctl("show", f"--property={PROPERTIES}", self._unit))

    def _state(self) -> str:
        return self._systemctl("show", "--value", "--property=ActiveState", self._unit).strip()

    def _systemctl(self, *arguments: str) -> str:
        ran = self._run(["systemctl", *arguments])
        if ran.code != 0:
            said = (ran.stderr or ran.stdout).strip()[-500:] or "it said nothing"
            hint = "Look at the unit with systemctl status."
            if "not been booted with systemd" in said:
                hint = "Give service_manager=command with the commands that stop, start and show the agent."
            raise AgentError(f"systemctl {' '.join(arguments)} failed: {said}", hint)
        return ran.stdout

    def _bar(self) -> None:
        name = f"{self._unit}.d"
        with closing(Directory.open(self._units)) as units:
            directory = self._subdirectory(units, name) or units.make_directory(name, self._readable(0o755))
            with closing(directory):
                directory.replace_file(DROP_IN, PARTIAL, CONTENT, self._readable(0o644))

    def _unbar(self) -> bool:
        with closing(Directory.open(self._units)) as units:
            directory = self._subdirectory(units, f"{self._unit}.d")
            if directory is None:
                return False
            with closing(directory):
                barred = directory.stat(DROP_IN) is not None
                if barred:
                    directory.remove(DROP_IN)
                return barred

    @staticmethod
    def _subdirectory(units: Directory, name: str) -> Optional[Directory]:
        return None if units.stat(name) is None else units.subdirectory(name)

    @staticmethod
    def _readable(mode: int) -> Attributes:
        return Attributes(os.geteuid(), os.getegid(), mode)
