# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an agent's log says about its Raft store since a given time: the errors, and which of them count. Pure.

Nothing else shows that a WAL can no longer be written to: the server stays alive, hears from the leader, and autopilot
calls it healthy until it is 250 entries behind.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Dict, Iterable, List, NamedTuple, Optional

from .aboutstore import HARMLESS, OTHER, STORE, UNKNOWN, judge

# 2026-11-22T10:47:50.123Z [ERROR] nomad.raft: failed to append to logs: error="..."; the zone may be +0100.
LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))\s+"
    r"\[(?P<level>\w+)\]\s+(?P<source>[\w.-]+):\s*(?P<text>.*)"
)
ERRORS = ("ERROR", "FATAL", "PANIC")
PANIC = re.compile(r"panic: |fatal error: |==> Error starting agent: ")


class Read(NamedTuple):
    """The lines since then: how many, the errors about the store, known harmless ones, and those nobody knows."""

    lines: int
    errors: List[str]
    harmless: List[str]
    unknown: List[str]


class _Line(NamedTuple):
    level: str
    source: str
    text: str
    time_s: float


def read(lines: Iterable[str], since_s: float) -> Read:
    """What the log says at or after `since_s` (Unix time). A line without a time belongs to the one before it."""
    count = 0
    judged: Dict[str, List[str]] = {STORE: [], HARMLESS: [], UNKNOWN: []}
    current = float("-inf")
    for line in lines:
        parsed = _parsed(line)
        current = parsed.time_s if parsed else current
        if current < since_s:
            continue
        count += 1
        verdict = _verdict(line, parsed)
        if verdict:
            judged[verdict].append(line.strip())
    return Read(count, judged[STORE], judged[HARMLESS], judged[UNKNOWN])


def _verdict(line: str, parsed: Optional[_Line]) -> str:
    if parsed is None:
        return STORE if PANIC.match(line.strip()) else OTHER
    return judge(parsed.source, parsed.text) if parsed.level in ERRORS else OTHER


def _parsed(line: str) -> Optional[_Line]:
    """The parts of a line in either of Nomad's formats, plain or log_json; None when it is neither."""
    found = LINE.search(line)
    if found:
        when = _unix_time(found.group("time"))
        return None if when is None else _Line(found.group("level"), found.group("source"), found.group("text"), when)
    if not line.lstrip().startswith("{"):
        return None
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    when = _unix_time(str(values.get("@timestamp", ""))) if isinstance(values, dict) else None
    if when is None:
        return None
    details = _details(values)
    text = " ".join([str(values.get("@message", "")) + (":" if details else ""), *details])  # as in a plain line
    return _Line(str(values.get("@level", "")).upper(), str(values.get("@module", "")), text, when)


def _details(values: Dict[str, object]) -> List[str]:
    return [f"{name}={value}" for name, value in values.items() if not name.startswith("@")]


def _unix_time(text: str) -> Optional[float]:
    """Seconds of a time as hclog writes it; fractions beyond microseconds are cut."""
    normal = re.sub(r"(\.\d{6})\d+", r"\1", text.replace("Z", "+0000"))
    normal = re.sub(r"([+-]\d\d):(\d\d)$", r"\1\2", normal)
    for form in ("%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z"):
        try:
            return datetime.strptime(normal, form).timestamp()
        except ValueError:
            continue
    return None
