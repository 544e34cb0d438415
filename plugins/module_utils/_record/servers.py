# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of each server at the end of all runs of a record. Pure."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence

from .kinds import REMOVED

Event = Mapping[str, Any]
Row = Dict[str, Any]
_BACK = ("put_back", "returned")
_OLD = ("untouched", "unswitched", *_BACK)  # how a failure leaves a server whose store is on the backend from before


def servers(events: Sequence[Event]) -> List[Row]:
    """A row for each server, in the order of the last plan. `state`: done, failed, at work, waiting or nothing."""
    rows: Dict[str, Row] = {}
    for one in events:
        if one["kind"] in _TAKE:
            _TAKE[one["kind"]](rows, one)
    queue: List[str] = []
    for one in events:
        queue = one.get("queue", queue) if one["kind"] == "planned" else queue
    places = {host: place for place, host in enumerate(queue)}
    return sorted(rows.values(), key=lambda row: places.get(row["server"], len(places)))


def _row(rows: Dict[str, Row], host: str) -> Row:
    return rows.setdefault(host, {"server": host, "state": "nothing", "snapshots": []})


def _planned(rows: Dict[str, Row], one: Event) -> None:
    """What the first plan saw is what was before; a later one says what is left to do."""
    for found in one.get("servers", ()):
        row = _row(rows, found.get("host", ""))
        known = {name: found[name] for name in ("id", "name", "version", "size", "last_index") if name in found}
        row.update({name: value for name, value in known.items() if name not in row or name == "version"})
        backend = found.get("running") or found.get("store", "")
        row.setdefault("role", found.get("role", ""))
        row.setdefault("before", backend)
        row["after"] = backend
        if found.get("todo"):
            row["state"] = "waiting" if row["state"] in ("nothing", "waiting") else row["state"]
        elif row["state"] != "done":
            row["state"] = "nothing"


def _began(rows: Dict[str, Row], one: Event) -> None:
    """Only the call of server_backend makes a server one that is at work: before that nothing is done to it."""
    if one.get("step") in ("backend", "return"):
        row = _row(rows, one.get("server", ""))
        row["state"] = row["state"] if row["state"] == "failed" else "at work"


def _worked(rows: Dict[str, Row], one: Event) -> None:
    row, failed = _row(rows, one.get("server", "")), one.get("failed", False)
    left, backend, previous = one.get("left", ""), one.get("backend", ""), one.get("previous_backend", "")
    row["state"] = "failed" if failed or one.get("returned") else "done"
    if failed:
        row["after"] = (previous or row.get("before", "")) if left in _OLD else backend if left == "running" else ""
    else:
        row["after"] = backend or row.get("after", "")
    if previous:
        row.setdefault("before", previous)
    known = ("phases", "conversion", "configuration", "earlier")
    row.update({name: one[name] for name in known if one.get(name)})
    if one.get("began_at"):
        row["agent_started"] = one["began_at"]
    for name in ("left", "message"):  # of a failure before
        row.pop(name, None)
    row.update({name: one[name] for name in ("left", "barred_by") if one.get(name)})


def _failed(rows: Dict[str, Row], one: Event) -> None:
    if not one.get("server"):
        return
    row = _row(rows, one["server"])
    row["state"] = "failed"
    row["message"] = one.get("message", "")
    if one.get("left"):
        row["left"] = one["left"]
    if one.get("unreachable"):
        row.update(left="unknown", after="")


def _snapshot(rows: Dict[str, Row], one: Event) -> None:
    kept = {name: one[name] for name in ("of", "path", "sha256", "size", "index", "term") if name in one}
    _row(rows, one.get("server", ""))["snapshots"].append(kept)


def _removed(rows: Dict[str, Row], one: Event) -> None:
    row = _row(rows, one.get("server", ""))
    row["removed"] = {name: one[name] for name in (*REMOVED, "freed_bytes") if name in one}
    row["state"] = "done" if row["state"] == "nothing" else row["state"]


_TAKE: Dict[str, Callable[[Dict[str, Row], Event], None]] = {
    "planned": _planned,
    "step_began": _began,
    "worked": _worked,
    "failed": _failed,
    "snapshot": _snapshot,
    "removed": _removed,
}
