# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the agent's own program about its configuration, as it is and as it would be after the change.

What would be is a copy in a directory of ours that nobody else can read, on the memory of /run, and gone at once. Root
runs no program that somebody else could have written.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import Dict, List, Sequence, Tuple

from .._agent.config.ensure import Planned
from .._agent.host.cmdline import CommandLine
from .._agent.host.process import distrust
from .._agent.host.validate import TimedRunner, Verdict, validate
from .._disk.durable import Directory
from .._roll.host.facts import Validation
from .look import Seen

RUN = "/run"
FLAGS = "command-line.json"


def validation(seen: Seen, run: TimedRunner) -> Validation:
    """What `nomad config validate` says. Nothing is asked where that cannot be done safely."""
    process = seen.process
    if process is None or not process.command.agent:
        return Validation(skipped="its agent does not run, or its process is not known, so neither is its program")
    reason = "the agent has another root directory" if process.contained else ""
    reason = reason or ("" if seen.paths else "its -config arguments are not known")
    reason = reason or ("" if os.path.exists(process.program) else f"{process.program} is gone")
    reason = reason or distrust(process.program, os.geteuid())
    if reason:
        return Validation(skipped=reason)
    parent = RUN if os.geteuid() == 0 and os.path.isdir(RUN) else None
    with tempfile.TemporaryDirectory(prefix="raftops-nomad-", dir=parent) as scratch:
        flags = _write_flags(scratch, process.command)
        now = validate(process.program, [*seen.paths, *flags], run)
        if not now.asked:
            return Validation(skipped=f"{process.program}: {now.said}")
        if not now.taken or seen.planned is None or not seen.planned.changes:
            return Validation(now=_reason(now, {}))
        copies = _write_copies(scratch, seen.paths, seen.planned)
        after = validate(process.program, [*copies, *flags], run)
        if not after.asked:
            return Validation(skipped=f"{process.program}: {after.said}")
        return Validation(after=_reason(after, dict(zip(copies, seen.paths))))


def _reason(verdict: Verdict, names: Dict[str, str]) -> str:
    """What was said, with the names of the real files; "" when the configuration was taken."""
    said = "" if verdict.taken else verdict.said.rstrip(".")
    for copy, path in names.items():
        said = said.replace(copy, path)
    return said


def _write_flags(scratch: str, command: CommandLine) -> List[str]:
    """A file that says what the command line does, as `config validate` has no flags for it."""
    values: Dict[str, object] = {"data_dir": command.data_dir} if command.data_dir else {}
    if command.server:
        values["server"] = [{"enabled": True}]
    if not values:
        return []
    _write(scratch, [(FLAGS, json.dumps(values).encode())])
    return [os.path.join(scratch, FLAGS)]


def _write_copies(scratch: str, paths: Sequence[str], planned: Planned) -> List[str]:
    """A copy of each -config argument as it would be, in order; of directories only what the agent loads."""
    copies = []
    for number, path in enumerate(paths):
        folder = os.path.join(scratch, str(number))
        loaded = {
            os.path.basename(document.path): document.source
            for document in planned.proven.documents
            if path in (document.path, os.path.dirname(document.path))
        }
        top = Directory.open(scratch)
        try:
            top.make_directory(str(number)).close()
        finally:
            top.close()
        _write(folder, list(loaded.items()))
        copies.append(folder if os.path.isdir(path) else os.path.join(folder, os.path.basename(path)))
    return copies


def _write(folder: str, files: Sequence[Tuple[str, bytes]]) -> None:
    directory = Directory.open(folder)
    try:
        for name, content in files:
            new = directory.create(name)
            try:
                new.write([content])
            finally:
                new.close()
    finally:
        directory.close()
