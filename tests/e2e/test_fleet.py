# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook fleet on stand-ins, whose rolls succeed, fail, are refused or hang: who is rolled, and what is said."""

from __future__ import annotations

import json
import re

import pytest
from support.fleet.fixtures import MakeStandIns

NAMES = [f"eu-{number}" for number in range(1, 7)]
RUNNER = ("-e", "raft_fleet_engine=ansible-runner")


def test_six_clusters_are_rolled_in_waves_on_a_screen_of_sixty_lines(standins: MakeStandIns) -> None:
    fleet = standins(NAMES)
    run = fleet.run()
    assert run.returncode == 0, run.stdout
    assert fleet.rolled() == NAMES
    lines = run.stdout.splitlines()
    assert len(lines) <= 60, run.stdout
    assert [line for line in lines if len(line) > 80 and not re.match(r"eu-\d +: ok=", line)] == []
    calls = {name: fleet.calls(name) for name in NAMES}
    for before, after in [("eu-1", "eu-2"), ("eu-1", "eu-3"), ("eu-2", "eu-4"), ("eu-3", "eu-4"), ("eu-4", "eu-5")]:
        assert calls[before][-1]["time"] < calls[after][0]["time"], f"{after} began before {before} had ended"
    assert calls["eu-2"][0]["time"] < calls["eu-3"][-1]["time"], "clusters of one wave are rolled at once"

    again = fleet.run()
    assert again.returncode == 0 and "6 clusters: 6 in order." in again.stdout
    assert {name: fleet.calls(name) for name in NAMES} == calls, "a finished cluster was rolled again"


def test_a_canary_that_fails_leaves_all_others_alone(standins: MakeStandIns) -> None:
    fleet = standins(NAMES)
    fleet.set("eu-1", "fail")
    run = fleet.run()
    assert run.returncode == 2, run.stdout
    assert fleet.begun() == ["eu-1"]
    assert "6 clusters: 1 failed, 5 to roll." in run.stdout
    assert "eu-1 failed: s1 is not back. Look at its log." in run.stdout
    told = re.search(r"same command:\n  (ansible-playbook .*)\n", run.stdout)
    assert told and str(fleet.inventory) in told[1]
    fleet.run(playbook="fleet_report")
    page = (fleet.records / "report.html").read_text()
    rows = re.findall(r"<tr><td>([^<]*)</td>", page)
    assert rows == NAMES and page.index("s1 is not back") < page.index("eu-2")


@pytest.mark.parametrize("engine", [(), RUNNER], ids=["ansible-playbook", "ansible-runner"])
def test_the_neighbour_of_a_failed_one_finishes_and_the_same_command_goes_on(
    standins: MakeStandIns, engine: tuple[str]
) -> None:
    fleet = standins(NAMES)
    fleet.set("eu-2", "fail")
    fleet.set("eu-3", "well", seconds=4)
    run = fleet.run(*engine)
    assert run.returncode == 2, run.stdout
    assert fleet.begun() == ["eu-1", "eu-2", "eu-3"] and fleet.rolled() == ["eu-1", "eu-3"]
    assert "6 clusters: 1 failed, 3 to roll, 2 rolled." in run.stdout
    assert "s1 is not back. Look at its log." in run.stdout

    fleet.set("eu-2", "well")
    again = fleet.run(*engine)
    assert again.returncode == 0, again.stdout
    assert fleet.rolled() == NAMES and "6 clusters: 4 rolled, 2 in order." in again.stdout
    assert [len(fleet.calls(name)) for name in NAMES] == [2, 4, 2, 2, 2, 2], "each began and ended, eu-2 twice"


def test_in_the_wave_of_a_failed_one_nothing_begins_either(standins: MakeStandIns) -> None:
    """Ansible itself starts a task on all hosts of a batch, those that had to wait for a fork included."""
    fleet = standins(NAMES, raft_fleet_waves=["100%"])
    fleet.set("eu-2", "fail")
    run = fleet.run("-f", "1")
    assert run.returncode == 2 and fleet.begun() == ["eu-1", "eu-2"], run.stdout


def test_a_roll_that_dies_is_a_failure(standins: MakeStandIns) -> None:
    fleet = standins(NAMES[:2])
    fleet.set("eu-1", "die")
    run = fleet.run()
    assert run.returncode == 2 and "eu-1 failed: Ended by signal 9." in run.stdout and fleet.begun() == ["eu-1"]


def test_one_that_would_be_refused_stops_all_or_is_left_out(standins: MakeStandIns) -> None:
    fleet = standins(NAMES)
    fleet.set("eu-4", "refuse")
    run = fleet.run()
    assert run.returncode == 2 and fleet.begun() == [], run.stdout
    assert "eu-4: refused. The cluster is not healthy." in run.stdout
    run = fleet.run("-e", "raft_fleet_skip_refused=true")
    assert run.returncode == 0 and fleet.rolled() == [name for name in NAMES if name != "eu-4"], run.stdout
    assert "1 left out, 5 rolled" in run.stdout


def test_plan_and_status_and_check_roll_nothing(standins: MakeStandIns) -> None:
    fleet = standins(NAMES[:3])
    fleet.set("eu-3", "refuse")
    for arguments in (["-e", "raft_fleet_do=plan"], ["--check"]):
        run = fleet.run(*arguments)
        assert run.returncode == 0 and "3 clusters: 1 refused, 2 to roll." in run.stdout, run.stdout
    for arguments in ([], ["-e", "raft_fleet_do=rollback"], ["-e", "raft_fleet_do=migrate", "--limit", "eu-1"]):
        status = fleet.run(*arguments, playbook="fleet_status")
        told = "1 cluster: 1 well." if "--limit" in arguments else "3 clusters: 1 look at it, 2 well."
        assert status.returncode == 0 and told in status.stdout, status.stdout
    assert fleet.begun() == []


def test_assess_has_the_verdict_of_each_cluster_in_one_table(standins: MakeStandIns) -> None:
    fleet = standins(NAMES[:3], raft_fleet_vars={"raft_logstore_assess_for": 30})
    fleet.set("eu-3", "refuse")
    run = fleet.run("-e", "raft_fleet_do=assess")
    told = " ".join(run.stdout.split())
    assert run.returncode == 0 and "3 clusters: 1 refused, 2 assessed." in told, run.stdout
    assert "eu-1: assessed. Some gain on s1: 40 writes a second. A server would be out for about 1.8 s" in told
    assert "eu-3: refused. The cluster is not healthy. Some gain on s1" in told
    assert [fleet.calls(name, "plan") + fleet.calls(name) for name in fleet.names] == [[], [], []]
    (left,) = fleet.records.glob("clusters/eu-1/*-assess/assessment.json")
    assert json.loads(left.read_text())["given"]["raft_logstore_assess_for"] == 30


def test_without_an_answer_nothing_begins(standins: MakeStandIns) -> None:
    fleet = standins(NAMES[:2], raft_fleet_force=False)
    run = fleet.run()
    assert run.returncode == 2 and fleet.begun() == []
    assert "There is no terminal to ask at. Nothing was changed." in " ".join(run.stdout.split())


def test_the_pause_between_waves(standins: MakeStandIns) -> None:
    fleet = standins(NAMES[:2], raft_fleet_pause=3)
    run = fleet.run()
    assert run.returncode == 0 and "Wave 2 of 2 begins in" in run.stdout
    assert fleet.calls("eu-2")[0]["time"] - fleet.calls("eu-1")[-1]["time"] >= 3


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ('{"raft_fleet_waves": [1, "two"]}', "raft_fleet_waves has 'two'."),
        ('{"raft_fleet_vars": {"raft_logstore_token": "x"}}', "raft_fleet_vars of eu-1 has raft_logstore_token."),
        ('{"raft_fleet_inventory": "nowhere"}', "raft_fleet_inventory of eu-1 is not there"),
        ('{"raft_fleet_do": "assist"}', "value of do must be one of: assess, migrate, plan, rollback, status"),
        ('{"raft_fleet_token_env": "NOT_THERE"}', "raft_fleet_token_env names NOT_THERE, which is not set"),
        ('{"raft_fleet_token_command": ["false"]}', "raft_fleet_token_command, false, has failed: exit code 1."),
    ],
)
def test_mistakes_are_told_before_anything_begins(standins: MakeStandIns, given: str, told: str) -> None:
    fleet = standins(NAMES[:1])
    run = fleet.run("-e", given)
    assert run.returncode != 0 and told in " ".join(run.stdout.split()), run.stdout
    assert fleet.begun() == []


def test_an_inventory_without_a_fleet(standins: MakeStandIns) -> None:
    fleet = standins(NAMES[:1])
    fleet.inventory.write_text("other: {hosts: {a: {}}}")
    run = fleet.run("-e", f"raft_fleet_dir={fleet.records}")
    assert run.returncode != 0 and "The inventory needs a group fleet" in " ".join(run.stdout.split()), run.stdout
