# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an agent's log is, and whether it complains about the store since a moment. log.py says what a line means."""

from __future__ import annotations

import os
import shlex
from typing import Any, Dict, List, NamedTuple

from ..._text.sizes import counted
from ..errors import AgentError
from .log import Read, read
from .service import Runner

MAX_LEN = 8 << 20
SHOWN = 20
SILENT = (
    "The agent has logged nothing since its start, so nothing says whether its store works. Give the file that"
    " it logs to; in a roll that is raft_logstore_log_file."
)


class Source(NamedTuple):
    """Where to read: this file, this unit's journal, or what this command prints. The first that is not "" counts."""

    file: str = ""
    unit: str = ""
    command: str = ""


def since(source: Source, moment_s: float, run: Runner) -> Read:
    """What the log says at or after a moment (Unix time). Raises AgentError when it cannot be read."""
    if source.file:
        return read(_end_of(source.file), moment_s)
    if source.unit:
        return read(_shown(source.unit, f"--since=@{int(moment_s)}", run), moment_s)
    return read(run(shlex.split(source.command)).stdout.splitlines(), moment_s)


def end(source: Source, run: Runner, lines: int = 50) -> List[str]:
    """The last lines, whenever they were logged, after what the command says. Raises AgentError as `since` does."""
    said = run(shlex.split(source.command)).stdout.splitlines()[-lines:] if source.command else []
    if source.file:
        return said + _end_of(source.file)[-lines:]
    return said + (_shown(source.unit, f"--lines={lines}", run) if source.unit else [])


def as_result(found: Read) -> Dict[str, Any]:
    """The results that agent_log_check documents."""
    return {
        "lines": found.lines,
        "errors": found.errors[-SHOWN:],
        "harmless": found.harmless[-SHOWN:],
        "unknown": found.unknown[-SHOWN:],
    }


def complaint(found: Read) -> str:
    """What is wrong, in a sentence; "" when there is no error."""
    if not found.errors:
        return ""
    what = (
        f"The agent's log has {counted(len(found.errors), 'error')} about the Raft store since its start, the last one"
    )
    return f"{what}: {found.errors[-1][:300]}"


def warnings(found: Read) -> List[str]:
    """What a person should look at although it stops nothing: no line at all, or an error that nobody knows."""
    if not found.lines:
        return [SILENT]
    if not found.unknown:
        return []
    what = f"The agent's log has {counted(len(found.unknown), 'error')} of Raft that are not known here"
    return [f"{what}, so nothing was done about them. The last one: {found.unknown[-1][:300]}"]


def _shown(unit: str, which: str, run: Runner) -> List[str]:
    ran = run(["journalctl", "--no-pager", "--output=cat", which, f"--unit={unit}"])
    if ran.code != 0:
        raise AgentError(f"journalctl failed: {ran.stderr.strip()[-500:]}", f"The log of {unit} must be readable.")
    return ran.stdout.splitlines()


def _end_of(path: str) -> List[str]:
    """The last lines of a file, at most MAX_LEN bytes of it."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - MAX_LEN))
            return file.read(MAX_LEN).decode("utf-8", "replace").splitlines()
    except OSError as error:
        hint = "Give the file that the agent writes its log to."
        raise AgentError(f"{path}: {error.strerror}", hint) from error
