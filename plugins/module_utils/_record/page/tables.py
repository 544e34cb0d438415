# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the page: servers, what is left on them, snapshots. Each is nothing where there is nothing. Pure."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence

from ..._text.sizes import human
from .text import Content, Html, count, element, join, seconds, table, unix

Record = Mapping[str, Any]
Row = Mapping[str, Any]
_BAR_PX = 80
STATES = {
    "done": ("done", "good"),
    "failed": ("failed", "bad"),
    "at work": ("at work, or not heard of", "warn"),
    "waiting": ("left for later", "plain"),
    "nothing": ("nothing to do", "plain"),
}
"""What is said of a server, by its state in the record, and its colour."""

_CLEANED = {
    "removed": "old store, removed",
    "kept": "old store, kept",
    "removed_snapshots": "snapshot, removed",
    "kept_snapshots": "snapshot, kept",
}
_TIMES = ("stop", "convert", "start", "rejoin")
_MEANT = (
    "stop: until the agent has let go of its store. convert: configuration and conversion. start: until it runs. "
    "rejoin: until it is back, without the time it has to stay so. All on each server's own clock."
)


def servers(record: Record) -> Html:
    """One row for each server, with its times out of the cluster as figures and as a bar."""
    rows = record["servers"]
    if not rows:
        return Html("")
    longest = max((_total(row) or 0.0 for row in rows), default=0.0)
    timed = any(row.get("phases") for row in rows)
    titles: List[Content] = ["", "server", "role", "version", "backend", "state", "size", "entries"]
    titles += [*_TIMES, "out of the cluster", "agent started, UTC"] if timed else []
    numbers = [0, 6, 7, *(range(8, 8 + len(_TIMES) + 1) if timed else ())]
    body = [
        [str(at), *_who(row), *_how_large(row), *(_times(row, longest) if timed else ())]
        for at, row in enumerate(rows, 1)
    ]
    return join([table(titles, body, numbers), element("p", _MEANT, class_="quiet") if timed else None])


def _who(row: Row) -> List[Content]:
    word, colour = STATES[row["state"]]
    before, after = row.get("before", ""), row.get("after", "")
    role = f"{row['role']} \u2605" if row.get("role") == "leader" else row.get("role", "-")
    backend = before or after or "-" if before == after or not row.get("after") else f"{before} \u2192 {after}"
    unknown = " \u2192 ?" if row["state"] in ("failed", "at work") and not after else ""
    state = element("span", word, class_=f"state {colour}")
    return [element("b", row["server"]), role, row.get("version", "-"), f"{backend}{unknown}", state]


def _how_large(row: Row) -> List[Content]:
    found = row.get("conversion", {})
    size = human(row["size"]) if "size" in row else "-"
    return [size, count(found.get("verified", found.get("entries")))]


def _times(row: Row, longest: float) -> List[Content]:
    phases = row.get("phases", {})
    converted = phases.get("configuration", 0.0) + phases.get("conversion", 0.0) if phases else None
    found = [phases.get("stop"), converted, phases.get("start"), phases.get("rejoin")]
    told = [seconds(one) for one in found]
    return [*told, _bar(_total(row), longest), unix(row.get("agent_started")).replace(" UTC", "")]


def _total(row: Row) -> Optional[float]:
    total: Optional[float] = row.get("phases", {}).get("total")
    return total


def _bar(total: Optional[float], longest: float) -> Content:
    if total is None or not longest:
        return "-"
    band = element("span", class_="bar", style=f"width:{total / longest * _BAR_PX:.0f}px")
    return join([seconds(total), element("span", band, class_="bars", aria_hidden="true")])


def kept(record: Record) -> Html:
    """What a roll leaves on the servers: old stores, changed files; of a cleanup, what it has removed."""
    rows: List[Sequence[Content]] = []
    for row in record["servers"]:
        backup = row.get("conversion", {}).get("backup")
        rows += [[row["server"], "old store, kept", backup]] if backup else []
        changed = row.get("configuration", {}).get("changed_files", [])
        rows += [[row["server"], "configuration, changed", path] for path in changed]
        removed = row.get("removed", {})
        for key, words in _CLEANED.items():
            rows += [[row["server"], words, name] for name in removed.get(key, [])]
    return table(["server", "what", "where"], [[a, b, element("code", c)] for a, b, c in rows]) if rows else Html("")


def snapshots(record: Record) -> Html:
    """Where each snapshot is, and its digest."""
    rows: List[Sequence[Content]] = []
    for row in record["servers"]:
        for one in row["snapshots"]:
            size = human(one["size"]) if "size" in one else "-"
            of = {"leader": "the leader's", "server": "its own"}.get(one.get("of", ""), one.get("of", ""))
            path, digest = element("code", one.get("path", "")), element("code", one.get("sha256", "-"))
            rows.append([row["server"], of, path, size, count(one.get("index")), digest])
    return table(["on", "state", "file", "size", "last index", "SHA-256"], rows, (3, 4)) if rows else Html("")
