# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's process, and whether its program may be run by root. Reads /proc and file modes only."""

from __future__ import annotations

import os
import stat
from typing import Any, Dict, NamedTuple, Tuple

from ..._disk.mounts import PROC
from ..._disk.places import untrusted_above
from ..errors import AgentError
from . import cmdline
from .cmdline import CommandLine

_DELETED = " (deleted)"
_MAX_LEN = 4 << 20  # bytes; what the kernel takes for arguments and environment together is less on usual systems


class Process(NamedTuple):
    """A running agent. `program` is the path of what it runs, in which `replaced` says that another file is by now.

    `contained`: it has another root directory than we have, so its paths are not ours.
    """

    pid: int
    program: str
    replaced: bool
    contained: bool
    cwd: str
    unit: str
    command: CommandLine
    variables: Tuple[str, ...]

    def as_dict(self) -> Dict[str, Any]:
        """As a module result."""
        plain = self._asdict()
        plain["command"] = {
            name: list(value) if isinstance(value, tuple) else value for name, value in self.command._asdict().items()
        }
        plain["variables"] = list(self.variables)
        return plain


def look(pid: int, proc: str = PROC) -> Process:
    """The process of this number. Raises AgentError when it is gone, or another user's and we are not root."""
    home = f"{proc}/{pid}"
    try:
        program, cwd = os.readlink(f"{home}/exe"), os.readlink(f"{home}/cwd")
        contained = not os.path.samefile(f"{home}/root", f"{proc}/self/root")
        shown = program[: -len(_DELETED)] if program.endswith(_DELETED) else program
        return Process(
            pid=pid,
            program=shown,
            replaced=not contained and not _is(shown, f"{home}/exe"),
            contained=contained,
            cwd=cwd,
            unit=cmdline.unit(_read(f"{home}/cgroup").decode("utf-8", "replace")),
            command=cmdline.parse(_read(f"{home}/cmdline")),
            variables=cmdline.variables(_read(f"{home}/environ")),
        )
    except OSError as error:
        what = f"the process {pid} of the agent cannot be looked at: {os.strerror(error.errno or 0)}"
        raise AgentError(what, "Run as root (become: true, or -b), or again if the agent was just stopped.") from error


def environ(pid: int, proc: str = PROC) -> bytes:
    """The environment that a process was started with, as the kernel has it; b"" where it cannot be read.

    There may be secrets in it: to be compared, never to be told.
    """
    try:
        return _read(f"{proc}/{pid}/environ")
    except OSError:
        return b""


def distrust(program: str, uid: int) -> str:
    """Why this user must not run a program: somebody else could have written it. "" when nobody could.

    All directories down to it count, as it may be exchanged in each.
    """
    path = os.path.realpath(program)
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or not status.st_mode & 0o111:
            return f"{path} is no program"
        if status.st_uid not in (0, uid) or status.st_mode & 0o022:
            return f"{path} can be written by others than root"
        folder = untrusted_above(path, uid)
        if folder:
            return f"{folder} can be written by others than root"
    except OSError as error:
        return f"{path}: {os.strerror(error.errno or 0)}"
    return ""


def _is(path: str, link: str) -> bool:
    try:
        return os.path.samefile(path, link)
    except FileNotFoundError:
        return False


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(_MAX_LEN)
