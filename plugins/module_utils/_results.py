# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module results from what raftstore returns: success, difference, failure. Decides nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Dict, Union

from ._disk.errors import StoreError
from ._raftstore.conversion.outcome import Outcome
from ._raftstore.prune import Pruned

NOT_IN_RESULT = ("state", "raft_dir", "required_bytes", "estimated_bytes", "before", "after", "warnings")


def success(done: Outcome) -> Dict[str, Any]:
    """The results that raft_migrate_backend documents."""
    return {key: value for key, value in asdict(done).items() if key not in NOT_IN_RESULT}


def difference(done: Union[Outcome, Pruned]) -> Dict[str, str]:
    """The names in the Raft directory before and after, as Ansible shows a diff."""
    return {
        "before_header": done.raft_dir,
        "after_header": done.raft_dir,
        "before": "".join(f"{name}\n" for name in done.before),
        "after": "".join(f"{name}\n" for name in done.after),
    }


def failure(error: Union[StoreError, OSError]) -> Dict[str, Any]:
    """What is wrong, where, and what to do: as one sentence in `msg` and field by field."""
    if isinstance(error, StoreError):
        return {"msg": str(error), "path": error.path, "offset": error.offset, "hint": error.hint}
    reason = error.strerror or str(error)
    path = "" if error.filename is None else str(error.filename)
    return {"msg": f"{path}: {reason}" if path else reason, "path": path, "offset": None, "hint": ""}
