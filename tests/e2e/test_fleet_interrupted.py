# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of a fleet that is killed, or meets another one: no cluster is rolled twice, and the same command ends it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from support.cluster.cluster import wait_until
from support.fleet.fixtures import MakeStandIns
from support.fleet.fleet import StandIns

NAMES = [f"eu-{number}" for number in range(1, 6)]
MOMENTS = 10
SHORT = (2, 6, 9)
WAY_ON = "Go on with the same command. It waits for what is under way, then plans all anew:"
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
def test_killed_with_or_without_its_rolls(standins: MakeStandIns, moment: int) -> None:
    """At odd moments only Ansible is killed and its rolls go on, at even ones all that it has started."""
    fleet = standins(NAMES, seconds=0.7, raft_fleet_engine=ENGINES[moment // 5 % 2])
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
def test_a_roll_that_has_outlived_its_run_is_waited_for(
    standins: MakeStandIns, engine: str, ends: signal.Signals
) -> None:
    """SIGINT is what Ctrl-C sends to all that run in the foreground of a terminal."""
    fleet = standins(NAMES[:2], raft_fleet_engine=engine)
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


def test_ctrl_c_says_what_goes_on_what_is_done_and_what_has_not_begun(standins: MakeStandIns) -> None:
    fleet = standins(NAMES, raft_fleet_waves=[1, 2])
    for name in NAMES[1:3]:
        fleet.set(name, "hang")
    run = fleet.start()
    wait_until("the second wave", lambda: fleet.begun() == NAMES[:3], 60)
    os.killpg(run.pid, signal.SIGINT)
    output = run.communicate()[0]
    assert run.returncode == 99, output
    assert output.count("Interrupted. What is under way goes on by itself; nothing else begins.") == 1
    assert "5 clusters: 2 rolling, 2 to roll, 1 rolled." in output
    assert "\nrolling, goes on by itself: eu-2, eu-3\n" in output and "\nrolled: eu-1\n" in output
    assert "\nto roll, not begun: eu-4, eu-5\n" in output
    command = output.splitlines()[output.splitlines().index(WAY_ON) + 1]
    assert command.startswith("  ansible-playbook raftops.nomad.fleet -i ") or str(fleet.inventory) in command
    assert fleet.alive() == ["eu-2", "eu-3"]
    for name in NAMES[1:3]:
        fleet.set(name, "well")
    assert fleet.run().returncode == 0 and fleet.rolled() == NAMES
    assert [len(fleet.calls(name)) for name in NAMES] == [2] * 5, "each was rolled once"


@pytest.mark.parametrize("engine", ENGINES)
def test_status_beside_a_roll_shows_it_and_is_in_its_way_nowhere(standins: MakeStandIns, engine: str) -> None:
    fleet = standins(NAMES[:2], raft_fleet_engine=engine)
    fleet.set("eu-1", "hang")
    run = fleet.start()
    wait_until("the canary's roll", lambda: fleet.calls("eu-1"), 60)
    wait_until("its line", lambda: any("3 / 10" in path.read_text() for path in outputs(fleet)), 60)
    looks = [fleet.start(playbook="fleet_status") for _number in range(2)]
    for look in looks:
        told = " ".join(look.communicate()[0].split())
        assert look.returncode == 0 and "2 clusters: 1 rolling, 1 well." in told, told
        assert re.search(r"eu-1: rolling. Since 20\S+ \S+Z. Its output says last: s1: converting 3 / 10 entries", told)
        assert str(outputs(fleet)[0]) in told
    assert fleet.calls("eu-1", "status") == [] and len(fleet.calls("eu-2", "status")) == 2
    fleet.set("eu-1", "well")
    output = run.communicate()[0]
    assert run.returncode == 0 and "waiting for its end" not in output, output


def outputs(fleet: StandIns) -> list[Path]:
    """The outputs of all rolls."""
    return sorted(fleet.records.glob("clusters/*/*-roll/artifacts/roll/stdout"))


def test_of_two_runs_at_once_the_second_is_refused(standins: MakeStandIns) -> None:
    fleet = standins(NAMES[:2])
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
