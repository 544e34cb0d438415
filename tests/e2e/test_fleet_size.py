# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many stand-ins: a fleet takes hardly longer than the longest chain of its rolls, and its report opens."""

from __future__ import annotations

from typing import Any

import pytest
from support.fleet.fixtures import MakeStandIns

MORE = 1.1  # of the time that the rolls alone would take


@pytest.mark.parametrize(
    ("count", "at_once", "seconds"), [(10, 5, 10), pytest.param(200, 50, 30, marks=pytest.mark.long)]
)
def test_a_fleet_takes_as_long_as_its_rolls(standins: MakeStandIns, count: int, at_once: int, seconds: int) -> None:
    names = [f"c{number:03}" for number in range(count)]
    fleet = standins(names, seconds=seconds, raft_fleet_at_once=at_once)
    run = fleet.run("-f", str(at_once))
    assert run.returncode == 0 and fleet.rolled() == names, run.stdout[-3000:]
    record: dict[str, Any] = fleet.last_run()
    chain = sum(-(-len(wave) // at_once) * seconds for wave in record["waves"])
    begun = [fleet.calls(name)[0]["time"] for name in names]
    ended = [fleet.calls(name)[-1]["time"] for name in names]
    assert chain <= max(ended) - min(begun) <= MORE * chain
    assert fleet.run(playbook="fleet_report").returncode == 0
    page = (fleet.records / "report.html").read_text()
    assert page.count("<tr><td>") == count and f"{count} clusters: {count} rolled." in page
