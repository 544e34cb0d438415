# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan, a roll or an assessment has come to, from the record that the role writes (NAME.json). Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Mapping, NamedTuple, Optional, Tuple

from . import states

SCHEMA = 1
MOMENT = "%Y-%m-%dT%H:%M:%S.%f%z"
WHOLE = frozenset(("done", "nothing"))  # not "partial": the servers that are left are of no canary


class Outcome(NamedTuple):
    """One of the words of states.py, a sentence, and what is known of the servers."""

    state: str
    line: str = ""
    servers: int = 0
    backend: str = ""


def recorded(plans: bool, code: Optional[int], record: Mapping[str, Any]) -> Optional[Outcome]:
    """The outcome of the record's last run; None where the record has none, no plan, or another schema than ours."""
    if record.get("schema") != SCHEMA or not record.get("runs"):
        return None
    last, rows = record["runs"][-1], record.get("servers", [])
    plan, verdict = last.get("plan", {}), str(record.get("verdict", ""))
    backend = ", ".join(sorted({str(row.get("after") or "?") for row in rows}))
    if not plans:
        whole = code in (0, None) and record.get("outcome") in WHOLE
        return Outcome(states.ROLLED if whole else states.FAILED, "" if whole else verdict, len(rows), backend)
    if code != 0:
        state = states.REFUSED if record.get("outcome") == "refused" else states.UNREAD
        return Outcome(state, str(plan.get("refusal") or verdict), len(rows), backend)
    if not rows or "busy" not in plan:
        return None
    return planned(len(plan["busy"]), len(rows), backend)


def assessed(found: Mapping[str, Any]) -> Optional[Outcome]:
    """The outcome of an assessment; None where it has another version than ours.

    What a roll would refuse comes first: without that being repaired the verdict is of no use.
    """
    if found.get("version") != SCHEMA:
        return None
    verdict, out_s = str(found["verdict"]), found.get("longest_out_s")
    told = [str(found["refusal"]), f"{verdict[:1].upper()}{verdict[1:]}"]
    told += [] if out_s is None else [f"A server would be out for about {out_s:g} s, one at a time."]
    backend = ", ".join(sorted({str(row.get("backend") or "?") for row in found["servers"]}))
    state = states.REFUSED if found["refused"] else states.ASSESSED
    return Outcome(state, " ".join(filter(None, told)), len(found["servers"]), backend)


def times(record: Mapping[str, Any]) -> Tuple[float, float]:
    """When the record's last run began and ended, seconds since 1970. The end is 0 where it has not noted one."""
    if record.get("schema") != SCHEMA or not record.get("runs"):
        return 0, 0
    last = record["runs"][-1]
    began, ended = (datetime.strptime(last[name], MOMENT).timestamp() for name in ("began", "ended"))
    return began, 0 if record.get("outcome") == "unfinished" else ended


def planned(busy: int, count: int, backend: str) -> Outcome:
    """The outcome of a plan with something to do, or nothing, for `busy` servers of `count`."""
    line = f"{busy} of {count} server{'' if count == 1 else 's'}" if busy else ""
    return Outcome(states.ROLLS if busy else states.IN_ORDER, line, count, backend)
