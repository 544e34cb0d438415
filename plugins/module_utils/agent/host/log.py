# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an agent's log says about its Raft store since a given time: errors, except known harmless ones. Pure.

Nothing else shows that a WAL can no longer be written to: the server stays alive, hears from the leader, and
autopilot calls it healthy until it is 250 entries behind. So any error of the Raft subsystems counts, unless it is
listed in HARMLESS.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Dict, Iterable, List, NamedTuple, Optional

# 2026-11-22T10:47:50.123Z [ERROR] nomad.raft: failed to append to logs: error="..."; the zone may be +0100.
LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))\s+"
    r"\[(?P<level>\w+)\]\s+(?P<source>[\w.-]+):\s*(?P<text>.*)"
)
SOURCE = re.compile(r"nomad\.(?:raft|wal|bolt|logstore)[\w.-]*$|nomad$")
STORE_WORDS = re.compile(r"raft|\bwal\b|log ?store|bolt", re.I)  # lines of plain `nomad` count only with such a word
ERRORS = ("ERROR", "FATAL", "PANIC")
PANIC = re.compile(r"panic: |fatal error: |==> Error starting agent: ")

# Errors of healthy servers (seen on Nomad 2.0.5), and those about the network or another server.
HARMLESS = (
    # a leader, before it sends its snapshot to a peer that is further behind
    re.compile(r'failed to get log: index=\d+ error="?log not found'),
    # a peer that cannot be reached, such as the server that was down before this one
    re.compile(r"failed to (?:appendEntries|heartbeat|pipeline appendEntries) to"),
    re.compile(r"failed to (?:make request\w*Vote RPC|make TimeoutNow RPC|send snapshot to|install snapshot)"),
    # a connection that has ended
    re.compile(r"failed to (?:accept connection|decode incoming command|flush response)"),
)


class Read(NamedTuple):
    """The lines since then: how many, those that are errors of the store, and those left out as harmless."""

    lines: int
    errors: List[str]
    harmless: List[str]


class _Line(NamedTuple):
    level: str
    source: str
    text: str
    time_s: float


def read(lines: Iterable[str], since_s: float) -> Read:
    """What the log says at or after `since_s` (Unix time). A line without a time belongs to the one before it."""
    count, errors, harmless = 0, [], []  # type: int, List[str], List[str]
    current = float("-inf")
    for line in lines:
        parsed = _parsed(line)
        current = parsed.time_s if parsed else current
        if current < since_s:
            continue
        count += 1
        if not _is_error(line, parsed):
            continue
        known = parsed is not None and any(pattern.search(parsed.text) for pattern in HARMLESS)
        (harmless if known else errors).append(line.strip())
    return Read(count, errors, harmless)


def _is_error(line: str, parsed: Optional[_Line]) -> bool:
    if parsed is None:
        return bool(PANIC.match(line.strip()))
    if parsed.level not in ERRORS or not SOURCE.match(parsed.source):
        return False
    return parsed.source != "nomad" or bool(STORE_WORDS.search(parsed.text))


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
    text = " ".join([str(values.get("@message", "")), *_details(values)])
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
