# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a wanted log store into an agent's configuration: planned, written, proven, told as a module result."""

from __future__ import annotations

import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from ..._disk.segmentsize import SEGMENT_MIB, SEGMENT_SIZES
from ..errors import ConfigError
from . import files
from .blocks import NO_FREELIST_SYNC, SEGMENT_SIZE, Path
from .change import Change, apply, directories, owner_model, plan
from .duration import is_duration
from .hcl import parse
from .load import Configuration, agent_settings, load
from .redact import shown


class Wish(NamedTuple):
    """What the block shall say. Of `verification` the keys are `enabled` and `interval`; None leaves a setting alone.

    `paths` are the agent's -config arguments, `file` is where a new block goes ("": chosen), `backup`: keep copies.
    """

    paths: Sequence[str]
    backend: str
    wal_segment_size: Optional[int] = None
    disable_log_cache: Optional[bool] = None
    verification: Optional[Dict[str, Any]] = None
    file: str = ""
    backup: bool = False


class Planned(NamedTuple):
    """The configuration as it is and as it will be, and the files that have to change for it."""

    found: Configuration
    proven: Configuration
    changes: List[Change]


def passed_over(wish: Wish, what: Planned) -> List[files.PassedOver]:
    """The directories after the one in which a new file is made, if nobody has said that it goes there."""
    new = [os.path.dirname(change.path) for change in what.changes if change.before is None]
    return files.passed_over(directories(what.found), new[0]) if new and not wish.file else []


def settings(wish: Wish) -> Dict[Path, Any]:
    """The settings of the block that are wished for. Raises ConfigError for values that Nomad does not take."""
    size, verification = wish.wal_segment_size, wish.verification or {}
    if size is not None and size not in SEGMENT_MIB:
        raise ConfigError(f"wal_segment_size must be from {SEGMENT_SIZES}")
    interval = verification.get("interval")
    if interval is not None and not is_duration(interval):
        raise ConfigError("verification.interval must be a Go duration such as 5m")
    values = {
        ("backend",): wish.backend,
        SEGMENT_SIZE: size,
        ("disable_log_cache",): wish.disable_log_cache,
        ("verification", "enabled"): verification.get("enabled"),
        ("verification", "interval"): interval,
    }
    return {path: value for path, value in values.items() if value is not None}


def planned(wish: Wish) -> Planned:
    """What has to change, proven before anything is written. Raises ConfigError or StoreError."""
    wanted = settings(wish)
    found = load(wish.paths)
    changes = plan(found, wanted, wish.file)
    return Planned(found, load(wish.paths, {change.path: change.after for change in changes}), changes)


def carry_out(wish: Wish, what: Planned) -> List[str]:
    """Write the changes and prove them once more from the disk; the copies that were kept. Raises as `planned`."""
    if not what.changes:
        return []
    kept = apply(what.changes, owner_model(what.found), wish.backup)
    if load(wish.paths) != what.proven:
        raise ConfigError("the files are not what was written: somebody else is changing them too", hint="Run again.")
    return kept


def described(what: Planned, kept: Sequence[str] = ()) -> Dict[str, Any]:
    """The results that raft_logstore_config documents."""
    found, after = what.found, what.proven
    verification = {name: after.value(("verification", name)) for name in ("enabled", "interval")}
    return {
        "changed": bool(what.changes),
        "changed_files": [change.path for change in what.changes],
        "backup_files": list(kept),
        "backend": after.backend,
        "previous_backend": found.backend,
        "file": after.logstore.document.path if after.logstore else "",
        "files": [document.path for document in after.documents],
        "effective": {
            "backend": after.backend,
            "wal_segment_size": after.segment_mb,
            "no_freelist_sync": _no_freelist_sync(after),
            "disable_log_cache": bool(after.value(("disable_log_cache",))),
            "verification": verification if any(value is not None for value in verification.values()) else None,
        },
        "agent": agent_settings(after),
    }


def _no_freelist_sync(after: Configuration) -> Optional[bool]:
    """The setting, taken from the deprecated block while that is still in effect."""
    if after.logstore is None and after.boltdb is not None:
        return after.boltdb.values.get(("no_freelist_sync",))
    return after.value(NO_FREELIST_SYNC)  # type: ignore[no-any-return]


def differences(what: Planned) -> List[Dict[str, str]]:
    """The changed files as Ansible shows a diff, without the values of secrets."""
    return [_difference(change) for change in what.changes]


def _difference(change: Change) -> Dict[str, str]:
    before, after = ("" if text is None else shown(parse(text)) for text in (change.before, change.after))
    return {"before_header": change.path, "after_header": change.path, "before": before, "after": after}
