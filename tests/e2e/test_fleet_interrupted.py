# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of a fleet that is killed, or meets another one: no cluster is rolled twice, and the same command ends it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from support.cluster.cluster import wait_until
from support.fleet.fleet import StandIns

NAMES = [f"eu-{number}" for number in range(1, 6)]
MOMENTS = 10
SHORT = (2, 6, 9)
ENGINES = ["ansible-playbook", "ansible-runner"]


def family(pid: int) -> list[int]:
    """This process and all below it, through sessions and groups."""
    shown = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in shown.splitlines()]
    found = [pid]
    for parent in found:
        found += [child for child, of in pairs if of == parent]
    return found


def is_keeper(pid: int) -> bool:
    shown = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return "_fleetkeeper" in shown


def kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def overlaps(calls: list[dict[str, Any]]) -> bool:
    """Whether a roll of a cluster began while another one of it had not ended and was alive."""
    begun = [call for call in calls if call["end"] == "begins"]
    ends = {call["pid"]: call["time"] for call in calls if call["end"] != "begins"}
    return any(ends.get(one["pid"], 0) > after["time"] for one, after in zip(begun, begun[1:]))


def moments() -> list[Any]:
    return [pytest.param(one, marks=() if one in SHORT else pytest.mark.long) for one in range(1, MOMENTS + 1)]


@pytest.mark.parametrize("moment", moments())
def test_killed_with_or_without_its_rolls(tmp_path: Path, moment: int) -> None:
    """At odd moments only Ansible is killed and its rolls go on, at even ones all that it has started."""
    fleet = StandIns(tmp_path, NAMES, seconds=0.7, raft_fleet_engine=ENGINES[moment // 5 % 2])
    run = fleet.start()
    begin = time.monotonic()
    wait_until("the moment", lambda: time.monotonic() - begin > 0.7 * moment or run.poll() is not None, 60)
    everything = family(run.pid)
    rolls = [child for pid in everything if is_keeper(pid) for child in family(pid)]
    kill(everything if moment % 2 == 0 else [pid for pid in everything if pid not in rolls])
    run.communicate()
    again = fleet.run()
    assert again.returncode == 0, again.stdout
    assert fleet.rolled() == NAMES
    assert [name for name in NAMES if overlaps(fleet.calls(name))] == []


@pytest.mark.parametrize(
    ("engine", "ends"), [(ENGINES[0], signal.SIGKILL), (ENGINES[1], signal.SIGKILL), (ENGINES[0], signal.SIGINT)]
)
def test_a_roll_that_has_outlived_its_run_is_waited_for(tmp_path: Path, engine: str, ends: signal.Signals) -> None:
    """SIGINT is what Ctrl-C sends to all that run in the foreground of a terminal."""
    fleet = StandIns(tmp_path, NAMES[:2], raft_fleet_engine=engine)
    fleet.set("eu-1", "hang")
    run = fleet.start()
    wait_until("the canary's roll", lambda: fleet.calls("eu-1"), 60)
    os.killpg(run.pid, ends)
    run.communicate()
    again = fleet.start()
    wait_until("the plan of the other one", lambda: len(fleet.calls("eu-2", "plan")) == 2, 60)
    assert again.poll() is None and len(fleet.calls("eu-1")) == 1, "it was started twice"
    fleet.set("eu-1", "well")
    output = again.communicate()[0]
    assert again.returncode == 0 and "eu-1: a roll is under way; waiting for its end" in output, output
    assert fleet.rolled() == NAMES[:2] and len(fleet.calls("eu-1")) == 2
    assert "2 clusters: 1 rolled, 1 in order." in output
    fleet.run(playbook="fleet_report")
    assert (fleet.records / "report.html").read_text().count('<span class="bar') == 2, "each roll has its time"


def test_of_two_runs_at_once_the_second_is_refused(tmp_path: Path) -> None:
    fleet = StandIns(tmp_path, NAMES[:2])
    fleet.set("eu-1", "hang")
    run = fleet.start()
    wait_until("the canary's roll", lambda: fleet.calls("eu-1"), 60)
    second = fleet.run()
    assert second.returncode != 0 and f"Another run, process {run.pid}, has been at work" in second.stdout
    status = fleet.run(playbook="fleet_status")
    assert status.returncode == 0, "one may look meanwhile"
    fleet.set("eu-1", "well")
    output = run.communicate()[0]
    assert run.returncode == 0 and fleet.rolled() == NAMES[:2], output
    assert [len(fleet.calls(name)) for name in NAMES[:2]] == [2, 2]
