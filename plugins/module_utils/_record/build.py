# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the events to the record: the content of NAME.json, schema version 1 (docs/record.md). Pure."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional, Sequence

from . import timeline
from .servers import servers

SCHEMA = 1
Event = Mapping[str, Any]
_WHO = ("run", "by", "controller", "origin", "ansible", "python", "collection", "playbook", "group", "backend", "check")
_PLAN = ("queue", "busy", "lines", "notes", "refusal", "gate", "tolerance", "servers")

NEXT = {
    "done": "",
    "nothing": "",
    "partial": "Run the same command again: it goes on with the servers that are left.",
    "rehearsed": "Run the same command without --check.",
    "refused": "Remove what stands against it, then run the same command again.",
    "failed": "When the cause is gone, run the same command again: it goes on from there, and adds to this record.",
    "unfinished": "If no run is under way, run the same command again: it goes on from there, and adds to this record.",
}
"""What comes next after each outcome of a run."""


def build(name: str, events: Sequence[Event]) -> Dict[str, Any]:
    """The record of these events, which journal.read has returned. Without a run there is no `outcome`."""
    runs = [run(part) for part in _runs(events)]
    last: Mapping[str, Any] = runs[-1] if runs else {}
    return {
        "schema": SCHEMA,
        "name": name,
        **{key: last.get(key, "") for key in ("playbook", "group", "backend", "outcome", "verdict", "next")},
        "written": moment(events[-1]["at"]) if events else None,
        "runs": runs,
        "servers": servers(events),
        "writes": next((_fields(one) for one in reversed(events) if one["kind"] == "writes"), None),
        "latency": {when: _latency(events, when) for when in ("before", "after")},
    }


def run(events: Sequence[Event]) -> Dict[str, Any]:
    """One run, from its events."""
    began, ended = events[0]["at"], max(one["at"] for one in events if one["kind"] != "writes")  # noted afterwards
    lanes, kind = timeline.lanes(events, began, ended), outcome(events)
    end = _last(events, "run_ended") or {}
    return {
        **{name: events[0].get(name, False if name == "check" else "") for name in _WHO},
        "began": moment(began),
        "ended": moment(ended),
        "seconds": round(ended - began, 3),
        "outcome": kind,
        "verdict": end.get("verdict") or _verdict(events, kind, ended),
        "next": NEXT[kind],
        "lines": end.get("lines", []),
        "plan": {name: value for name, value in (_last(events, "planned") or {}).items() if name in _PLAN},
        "lanes": lanes,
        "leaders": timeline.leaders(events, began, ended),
        "out_at_once": timeline.out_at_once(lanes),
        "holds": _holds(events),
        "warnings": [_fields(one) for one in _of(events, "warning")],
        "failures": [_fields(one) for one in _of(events, "failed")],
    }


def outcome(events: Sequence[Event]) -> str:
    """How a run has ended, a name of NEXT."""
    end, plan = _last(events, "run_ended"), _last(events, "planned") or {}
    if plan.get("refusal") and not _of(events, "worked"):
        return "refused"
    if _of(events, "failed") or (end and not end.get("ok", True)):
        return "failed"
    if not end:
        return "unfinished"
    if events[0].get("check"):
        return "rehearsed"
    if not end.get("complete", True):
        return "partial"
    return "done" if _of(events, "worked", "removed") else "nothing"


def _verdict(events: Sequence[Event], kind: str, ended: float) -> str:
    """What is said of a run that has not said it itself."""
    failed, plan = _last(events, "failed") or {}, _last(events, "planned") or {}
    if kind == "unfinished":
        return (
            f"The last that was noted of this run was at {moment(ended)}. It is under way, or was ended without a word."
        )
    return str(failed.get("message") or (plan.get("refusal") if kind == "refused" else "") or "")


def moment(at: float) -> str:
    """A Unix time in ISO 8601, UTC, to the millisecond."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _holds(events: Sequence[Event]) -> List[Dict[str, Any]]:
    """When it was held, and released: each server's turn holds once more, and each host's file is released."""
    found: List[Dict[str, Any]] = []
    for one in _of(events, "held", "released"):
        held = one["kind"] == "held"
        if not found or found[-1]["held"] != held:
            found.append({**_fields(one), "held": held})
    return found


def _runs(events: Sequence[Event]) -> List[List[Event]]:
    """The events of each run. Those before the first one, which should not be there, are left out."""
    parts: List[List[Event]] = []
    for one in events:
        if one["kind"] == "run_began":
            parts.append([])
        if parts:
            parts[-1].append(one)
    return parts


def _of(events: Sequence[Event], *kinds: str) -> List[Event]:
    return [one for one in events if one["kind"] in kinds]


def _last(events: Sequence[Event], kind: str) -> Optional[Event]:
    return next((one for one in reversed(events) if one["kind"] == kind), None)


def _fields(one: Event) -> Dict[str, Any]:
    """An event for the record: without its kind, its time as one reads it."""
    return {"at": moment(one["at"]), **{name: value for name, value in one.items() if name not in ("kind", "at")}}


def _latency(events: Sequence[Event], when: str) -> Optional[Dict[str, Any]]:
    """Milliseconds by server and metric; None where nobody has looked. The first look before, the last one after."""
    found = [one for one in _of(events, "latency") if one.get("when") == when and one.get("server")]
    found = list(reversed(found)) if when == "before" else found
    return {one["server"]: one.get("metrics", {}) for one in found} or None
