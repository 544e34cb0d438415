# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A record in short, for what keeps results of jobs, such as AWX (`ansible_stats`, as set_stats makes it). Pure."""

from __future__ import annotations

from typing import Any, Dict, Mapping


def stats(record: Mapping[str, Any]) -> Dict[str, Any]:
    """The content of an action result's `ansible_stats`: one variable, raft_logstore_report, for the whole run."""
    last = record["runs"][-1] if record["runs"] else {}
    out = [row["phases"]["total"] for row in record["servers"] if "total" in row.get("phases", {})]
    states = [row["state"] for row in record["servers"]]
    told = {
        "schema": record["schema"],
        "name": record["name"],
        "outcome": record["outcome"],
        "verdict": record["verdict"],
        "next": record["next"],
        "backend": record["backend"],
        "runs": len(record["runs"]),
        "seconds": last.get("seconds", 0.0),
        "servers": {state: states.count(state) for state in sorted(set(states))},
        "longest_out_s": max(out, default=None),
        "out_at_once": max((run["out_at_once"] for run in record["runs"]), default=0),
        "failures": [f"{one.get('server', '')}: {one.get('message', '')}" for one in last.get("failures", [])],
        "warnings": len(last.get("warnings", [])),
        "writes_refused": (record["writes"] or {}).get("refused"),
    }
    return {"data": {"raft_logstore_report": told}, "per_host": False, "aggregate": False}
