# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of events, and what of each is kept: an allow-list. What is not named here reaches no file. Pure.

Whole results of modules may be handed in: their arguments (with the token), log lines of the agent and all else that is
not named stays out. A shape is a type, [shape] for a list, {name: shape} for a dict of these names, or Named(shape) for
one whose names are data. A value that is of another shape is left out. Each event also has `kind` and `at`, Unix time
on the controller.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

MAX_TEXT = 4000
MAX_ITEMS = 1000
# Control characters, those that turn the direction of a line, and halves of characters: none is what it looks like.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Named(NamedTuple):
    """The shape of a dict whose names are data: of servers, of metrics."""

    shape: Any


PHASES = ("stop", "configuration", "conversion", "start", "rejoin", "total")
REMOVED = ("removed", "kept", "removed_snapshots", "kept_snapshots")
_PLANNED_SERVER = {
    "host": str,  # its name in the inventory, by which all other events name it as `server`
    "id": str,
    "name": str,  # Nomad's
    "version": str,
    "role": str,
    "running": str,  # the backend
    "store": str,
    "size": int,  # bytes of the store
    "needs": int,  # bytes that its conversion may need, and those that are free
    "available": int,
    "last_index": int,
    "todo": bool,
}
_CONVERSION = {
    **{name: int for name in ("entries", "verified", "first_index", "last_index", "dropped_entries", "segments")},
    **{name: int for name in ("bytes_read", "bytes_written")},
    "backup": str,  # where the old store stays
    "resumed": bool,
    "elapsed": {name: float for name in ("convert", "verify", "total")},
}

KINDS: Dict[str, Dict[str, Any]] = {
    # A run of a playbook. All events up to the next one of this kind belong to it.
    "run_began": {
        "run": str,  # its identifier
        "by": str,  # the user on the controller
        "controller": str,  # its host name
        "origin": str,  # the name by which runs know each other's holds
        "ansible": str,
        "python": str,
        "collection": str,
        "playbook": str,
        "group": str,
        "backend": str,  # the one wanted
        "check": bool,
    },
    # What roll_plan has returned, and the servers: Server as a dict. `refusal` is not empty where nothing may begin.
    "planned": {
        "queue": [str],
        "busy": [str],
        "lines": [str],
        "notes": [str],
        "refusal": str,
        "gate": str,
        "tolerance": int,
        "servers": [_PLANNED_SERVER],
    },
    # A step of a server's turn; see STEPS in timeline.py for the names that are known, others are shown as they are.
    "step_began": {"server": str, "step": str},
    "step_ended": {"server": str, "step": str, "ok": bool, "message": str},
    # This server leads from now on: its host, its id or Nomad's name of it.
    "leads": {"server": str},
    # A result of server_backend, also a failed one.
    "worked": {
        "server": str,
        "backend": str,
        "previous_backend": str,
        "attached": bool,
        "returned": bool,
        "failed": bool,
        "step": str,
        "failure": str,
        "again": str,
        "left": str,
        "barred_by": str,
        "phases": {name: float for name in PHASES},
        "began_at": float,  # Unix time of the agent's last start, on the host's clock
        "conversion": _CONVERSION,
        "configuration": {"changed": bool, "changed_files": [str]},
        "earlier": {"sentence": str, "began": str, "origin": str},
    },
    # A result of snapshot_save. `of`: whose state it is, leader or server.
    "snapshot": {"server": str, "of": str, "path": str, "sha256": str, "size": int, "index": int, "term": int},
    # Autopilot's removal of dead servers is off; on again, or as it was.
    "held": {"server": str, "previous": bool},
    "released": {"server": str},
    # What a writer saw that ran beside the roll.
    "writes": {"tried": int, "refused": int, "lost": int, "longest_gap_s": float},
    # Milliseconds, by the name of the metric. `when`: before or after.
    "latency": {"server": str, "when": str, "metrics": Named(float)},
    # Of a cleanup: the result of raft_backup_remove.
    "removed": {"server": str, **{name: [str] for name in REMOVED}, "freed_bytes": int},
    "warning": {"server": str, "message": str},
    # The roll ends at this server. `left` as server_backend has it. `unreachable`: nobody knows how it is left.
    "failed": {"server": str, "step": str, "message": str, "left": str, "unreachable": bool, "again": str},
    # `ok`: Ansible ends with 0. `complete`: nothing is left to do; else the next run of the same command adds to this.
    "run_ended": {"verdict": str, "lines": [str], "ok": bool, "complete": bool},
}


def event(kind: str, at: float, given: Mapping[str, Any], secrets: Sequence[str] = ()) -> Dict[str, Any]:
    """The event as it is kept. `secrets` are texts that must appear in none of its values, whatever has put them
    there. Raises ValueError for a kind that there is not."""
    if kind not in KINDS:
        raise ValueError(f"There are no events of the kind {kind!r}: {', '.join(KINDS)}.")
    hidden = sorted((secret for secret in secrets if secret), key=len, reverse=True)
    return {"kind": kind, "at": round(float(at), 3), **(_kept(given, KINDS[kind], hidden) or {})}


def _kept(value: Any, shape: Any, secrets: List[str]) -> Any:
    """What of a value has this shape; None when nothing has."""
    if isinstance(shape, Named):
        names = [str(name) for name in value][:MAX_ITEMS] if isinstance(value, Mapping) else []
        return _dict(value, {name: shape.shape for name in names}, secrets)
    if isinstance(shape, dict):
        return _dict(value, shape, secrets)
    if isinstance(shape, list):
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
            return None
        kept = [_kept(one, shape[0], secrets) for one in value[:MAX_ITEMS]]
        return [one for one in kept if one is not None]
    if shape is str:
        return _text(str(value), secrets) if isinstance(value, str) else None
    return _number(value, shape)


def _dict(value: Any, shape: Mapping[str, Any], secrets: List[str]) -> Optional[Dict[str, Any]]:
    if not isinstance(value, Mapping):
        return None
    kept = {_text(name, secrets): _kept(value[name], shape[name], secrets) for name in shape if name in value}
    return {name: one for name, one in kept.items() if one is not None}


def _number(value: Any, shape: type) -> Any:
    """A number that JSON can have, or a boolean."""
    if shape is bool or isinstance(value, bool):
        return value if shape is bool and isinstance(value, bool) else None
    if shape is int:
        return value if isinstance(value, int) else None
    return round(float(value), 6) if isinstance(value, (int, float)) and abs(value) < 1e15 else None


def _text(value: str, secrets: List[str]) -> str:
    for secret in secrets:
        value = value.replace(secret, "********")
    value = _UNSEEN.sub("\ufffd", value)
    return value if len(value) <= MAX_TEXT else f"{value[:MAX_TEXT]}..."
