# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal as text: one event in JSON on each line. And the name of a record. Pure."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional

from .kinds import KINDS, event

SUFFIX = ".events.jsonl"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\Z")


def line(noted: Mapping[str, Any]) -> bytes:
    """The event as the journal has it, with its newline."""
    return json.dumps(noted, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def read(content: bytes) -> List[Dict[str, Any]]:
    """The events in their order. A line that is none, such as a torn one, is left out; so is what a line has beside
    what its kind may have."""
    return [one for one in map(_parsed, content.split(b"\n")) if one]


def _parsed(text: bytes) -> Optional[Dict[str, Any]]:
    try:
        found = json.loads(text)
        return event(found["kind"], found["at"], found) if found["kind"] in KINDS else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def prefix(playbook: str, group: str) -> str:
    """How the names of this playbook's records of this group begin."""
    return f"{re.sub('[^A-Za-z0-9_]+', '_', playbook)}-{re.sub('[^A-Za-z0-9_]+', '_', group)}-"[:80]


def name(playbook: str, group: str, at: float) -> str:
    """The name of a new record: PLAYBOOK-GROUP-YYYYmmddTHHMMSSZ."""
    return f"{prefix(playbook, group)}{datetime.fromtimestamp(at, timezone.utc):%Y%m%dT%H%M%SZ}"


def is_named(found: str, start: str) -> bool:
    """Whether this is a name that `name` has made, of a record that begins like this."""
    return found.startswith(start) and re.fullmatch(r"\d{8}T\d{6}Z", found[len(start) :]) is not None


def wrong_name(given: str) -> str:
    """What is wrong with a name that was asked for, as a sentence; "" when nothing is."""
    if _NAME.match(given):
        return ""
    return (
        f"raft_logstore_report_name is {given!r}. Give letters, digits, dots, hyphens and underscores, at most 100, "
        "and no dot or hyphen in front: it becomes the name of files."
    )


def goes_on(events: List[Dict[str, Any]]) -> bool:
    """Whether the next run of the same command belongs to this record: its last run has left something to do."""
    runs = [one for one in events if one["kind"] in ("run_began", "run_ended")]
    return bool(runs) and not (runs[-1]["kind"] == "run_ended" and runs[-1].get("complete", runs[-1].get("ok", False)))
