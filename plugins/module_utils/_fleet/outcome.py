# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roll of one cluster has come to, from its exit code and its record, else from what it printed. Pure.

The one place that reads a child's output. Its results are printed as JSON, one to a line where something has failed.
"""

from __future__ import annotations

import json
import re
from typing import Any, List, Mapping, Optional

from . import states
from .recorded import Outcome, assessed, planned, recorded

ASSESS, PLAN, ROLL, LOOK = "assess", "plan", "roll", "status"
HEAD = re.compile(r"^order +server +role +backend +disk +action\b")
STATUS_HEAD = re.compile(r"^server +role +health +version +running\b")
FATAL = re.compile(r"^(?:fatal|failed): \[[^\]]*\].*?=> (\{.*\})\s*$")
ERROR = re.compile(r"^(?:\[ERROR\]:|ERROR!) ?(.*)$")
VERDICT = re.compile(r"\d+ servers?: ")
ALL_WELL = "All is well."
PROGRESS = re.compile(r"^(?!ok|changed|skipping|included|fatal|failed|rescued)[\w.-]+: \S.*$")
TASK = re.compile(r"^TASK \[(?:[^\]]* : )?(.*)\] \**$")
GONE = "Its process ended without a result; its host may have been restarted, or somebody has ended it."


def outcome(kind: str, code: Optional[int], text: str, record: Optional[Mapping[str, Any]] = None) -> Outcome:
    """The outcome of a child of this kind. `code`: its exit code, negative for a signal, None where nobody knows it."""
    if kind == ASSESS:
        known = assessed(record) if record and code == 0 else None
        return known or Outcome(states.UNREAD, reason(code, text))
    known = recorded(kind == PLAN, code, record) if record and kind != LOOK else None
    return known or _printed(kind, code, text)


def _printed(kind: str, code: Optional[int], text: str) -> Outcome:
    failed = {PLAN: states.REFUSED, ROLL: states.FAILED, LOOK: states.SILENT}[kind]
    lines = [re.sub(r'^"(.*?)",?$', r"\1", line.strip()) for line in text.splitlines()]
    rows = _rows(lines, STATUS_HEAD if kind == LOOK else HEAD)
    # The table of a roll says what was before it.
    backend = "" if kind == ROLL else ", ".join(sorted({row[4 if kind == LOOK else 3] for row in rows}))
    if code != 0:
        if kind == PLAN and not rows:
            failed = states.UNREAD
        return Outcome(failed, reason(code, text), len(rows), backend)
    if kind == LOOK:
        verdict = next((line for line in reversed(lines) if VERDICT.match(line)), "")
        return Outcome(states.WELL if ALL_WELL in verdict else states.ILL, verdict, len(rows), backend)
    if kind == ROLL:
        return Outcome(states.ROLLED, "", len(rows), backend)
    if not rows:
        return Outcome(states.UNREAD, "It ended well, but without a plan.")
    todo = [row for row in rows if row[5] != "nothing" or "," in row[4]]
    return planned(len(todo), len(rows), backend)


def _rows(lines: List[str], head: re.Pattern[str]) -> List[List[str]]:
    """The cells below the first line that is such a head. Two spaces are between cells, and one between words."""
    begin = next((number for number, line in enumerate(lines) if head.match(line)), None)
    rows: List[List[str]] = []
    for line in lines[begin + 1 :] if begin is not None else []:
        cells = re.split(r" {2,}", line)
        if len(cells) < 6:
            break
        rows.append(cells)
    return rows


def latest(text: str) -> str:
    """What a child at work has shown last: the line of a server that says how far it is, else the name of its task."""
    for line in reversed(text.splitlines()):
        found = TASK.match(line.strip())
        if found or PROGRESS.match(line.strip()):
            return found.group(1) if found else line.strip()
    return ""


def reason(code: Optional[int], text: str) -> str:
    """Why a child has failed, as a sentence: what its last failed task said, else the last line that it printed."""
    said = ""
    for line in text.splitlines():
        found, error = FATAL.match(line), ERROR.match(line)
        if found:
            said = _message(found.group(1)) or said
        elif error and not said:
            said = error.group(1)
    if not said:
        said = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "It printed nothing.")
    if code is None or code < 0:
        return f"{GONE if code is None else f'Ended by signal {-code}.'} Its last line: {said}"
    return said


def _message(result: str) -> str:
    try:
        value = json.loads(result)
    except ValueError:
        return ""
    return " ".join(str(value.get("msg", "")).split()) if isinstance(value, dict) else ""
