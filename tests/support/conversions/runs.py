# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command of a situation, and the list of changes that it makes when nothing is in its way."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from support.conversions import conversion
from support.conversions.seams import Change, Counting
from support.conversions.situations import Template


def options_of(template: Template, data_dir: Path, workers: int) -> dict[str, Any]:
    """What the command says; a re-run says the same."""
    options: dict[str, Any] = {"backend": template.situation.backend, "workers": workers, "lock_timeout_s": 60.0}
    if template.situation.copies:
        options["backup_dir"] = str(data_dir / "copies")
    return options


def record(template: Template, where: Path, workers: int) -> list[Change]:
    """All changes of a run from beginning to end."""
    raft = template.copy(where)
    counting = Counting()
    end = conversion.run(raft, counting, **options_of(template, where, workers))
    assert end.succeeded, end.error
    changes = counting.changes()
    counting.close()
    shutil.rmtree(where)
    return changes


def switch_of(changes: list[Change]) -> int:
    """The number of the switch, which gives the name raft.db to something else (a WAL without guard only gets one)."""
    moves = [
        number
        for number, change in enumerate(changes)
        if (change.name == "rename" and change.what.endswith("> raft.db"))
        or (change.name, change.what) == ("symlink", "raft.db")
    ]
    return moves[-1]
