# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The assessment of three servers, as lines and as values."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._assess.assessment import assessment, merged
from ansible_collections.raftops.nomad.plugins.module_utils._assess.figures import figures
from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options
from support.metrics import intervals
from support.rolls.servers import server

TRIAL = [
    {"data_bytes": 2_000_000, "entries": 1, "seconds": 0.1},
    {"data_bytes": 16_000_000, "entries": 1, "seconds": 0.24},
]
ON_WAL: dict[str, Any] = {"running": "wal", "configured": "wal", "store": "wal", "guarded": True, "todo": False}


def cost(name: str = "boltdb-follower", **changed: Any) -> dict[str, Any]:
    backend = name.split("-")[0]
    return {
        "backend": backend,
        "size": 219_000_000,
        "entries": 5685,
        "data_bytes": 200_000_000,
        "figures": figures(intervals(name), backend).values(),
        "syncs": {"number": 200, "median_ms": 0.21, "p99_ms": 0.6, "max_ms": 0.7},
        "trial": TRIAL if backend == "boltdb" else [],
        "errors": {},
        **changed,
    }


def three(**changed: Any) -> list[Any]:
    leader = server("s1", role="leader", rank=4, needs=300_000_000, available=38_000_000_000, **changed)
    return [leader, server("s2", **changed), server("s3", **changed)]


def assessed(servers: list[Any], costs: dict[str, Any]) -> dict[str, Any]:
    found = assessment(servers, costs, Options())
    assert json.loads(json.dumps(found)) == found, "plain values only"
    return found


COSTS = {"id-s1": cost("boltdb-leader"), "id-s2": cost(), "id-s3": cost()}


def test_the_lines_fit_a_terminal_and_end_with_the_verdict() -> None:
    found = assessed(three(), COSTS)
    assert len(found["lines"]) <= 19 and all(len(line) <= 78 for line in found["lines"]), found["lines"]
    assert found["lines"][1].split() == ["s1", "leader", "boltdb", "42.5", "15.7", "0.87", "2.06", "0.21"]
    assert found["lines"][8].split() == ["s1", "209MB", "56B", "5685", "286MB", "35GB", "1.7", "3.3"]
    assert found["lines"][-5:] == [
        "Nothing stands against a roll now.",
        "Worth it? A little, not urgent. s1 has most to gain: 42 writes a second, each",
        "  takes 0.87 ms and would take about half.",
        "A server would be out for about 3.3 s, one at a time.",
        "Next: ansible-playbook raftops.nomad.migrate -i inventory --check --diff",
    ]
    assert found["verdict"] == "some gain on s1: 42 writes a second, each takes 0.87 ms and would take about half."


def test_a_roll_that_would_be_refused_is_told_and_its_reason() -> None:
    found = assessed([*three()[:2], server("s3", obstacles=("no space",))], COSTS)
    assert (found["refused"], found["refusal"]) == (True, "s3: no space.")
    assert "A roll would be refused now: s3: no space." in found["lines"]
    assert not any(line.startswith("Next:") for line in found["lines"])


def test_on_wal_nothing_is_left_to_tell_about_the_change() -> None:
    found = assessed(three(**ON_WAL), dict.fromkeys(COSTS, cost("wal-leader")))
    assert found["lines"][-1] == "Worth it? No: all servers are on wal already."
    assert found["longest_out_s"] is None and not any("needs" in line for line in found["lines"])


def test_what_was_not_measured_is_a_dash_and_a_sentence() -> None:
    errors = {"metrics": "http://127.0.0.1:4646/v1/metrics: no such path (404).", "disk": "/data: it is full."}
    bare = cost(figures={}, syncs=None, trial=[], errors=errors)
    found = assessed(three(), {"id-s1": bare, "id-s2": bare})
    assert found["lines"][1].split() == ["s1", "leader", "boltdb", "-", "-", "-", "-", "-"]
    assert "s2: http://127.0.0.1:4646/v1/metrics: no such path (404)." in found["lines"]
    assert "s1: /data: it is full." in found["lines"]
    assert found["gain"] == "not known" and found["servers"][2]["out_s"] is None


def test_the_values_have_what_the_tables_have() -> None:
    (first, *_others) = assessed(three(), COSTS)["servers"]
    assert (first["host"], first["gain"], first["out_s"], first["conversion_s"]) == ("s1", "some gain", 3.3, 1.7)
    assert (first["needed_bytes"], first["available_bytes"]) == (300_000_000, 38_000_000_000)
    assert first["commit"]["mean_ms"] == 2.065 and first["syncs"]["median_ms"] == 0.21


def test_what_the_disk_is_like_joins_what_the_agent_says() -> None:
    found = merged(
        {"size": 7, "errors": {"metrics": "none"}}, {"syncs": {"median_ms": 1.0}, "trial": TRIAL, "error": "full"}
    )
    assert found == {
        "size": 7,
        "syncs": {"median_ms": 1.0},
        "trial": TRIAL,
        "errors": {"metrics": "none", "disk": "full"},
    }
    assert merged({}, {}) == {"syncs": None, "trial": [], "errors": {}}
