# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three actions of a fleet on stand-ins, in this process. Whole runs are in tests/e2e/test_fleet*.py."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins import loader as plugins
from ansible.template import Templar
from ansible.utils.context_objects import CLIArgs
from ansible_collections.raftops.nomad.plugins.action import raft_fleet_confirm, raft_fleet_report, raft_fleet_roll
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetrecord import Fleet as Records
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetrecord import held
from support.fleet.fleet import StandIns

NAMES = ["eu-1", "eu-2"]


class Fleet:
    """Two stand-ins, and the actions called on them as Ansible's workers would."""

    def __init__(self, root: Path) -> None:
        self.standins = StandIns(root, NAMES, seconds=0.0)
        self.shared = {"dir": str(self.standins.records)}
        self.groups = list(NAMES)
        self.hostvars: dict[str, dict[str, Any]] = {name: {} for name in NAMES}

    def call(self, module: Any, name: str = "eu-1", check: bool = False, **args: Any) -> dict[str, Any]:
        task = Task()
        task.args, task.check_mode = {**self.shared, **args}, check
        loader = DataLoader()
        connection = plugins.connection_loader.get("local", PlayContext())
        action = module.ActionModule(task, connection, PlayContext(), loader, Templar(loader=loader), plugins)
        about: dict[str, Any] = {"inventory_hostname": name, "inventory_dir": str(self.standins.root)}
        about.update(ansible_play_hosts_all=NAMES, groups={"fleet": self.groups}, hostvars=self.hostvars)
        result: dict[str, Any] = action.run(task_vars=about)
        return result

    def roll(self, name: str, **args: Any) -> dict[str, Any]:
        given = {
            "inventory": f"clusters/{name}",
            "executable": str(self.standins.executable),
            "engine": "ansible-playbook",
            **args,
        }
        return self.call(raft_fleet_roll, name, **given)

    def plan(self, **args: Any) -> list[str]:
        return [self.roll(name, state="planned", **args)["state"] for name in NAMES]

    def confirm(self, **args: Any) -> dict[str, Any]:
        return self.call(raft_fleet_confirm, **{"force": True, **args})


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    monkeypatch.setattr(context, "CLIARGS", CLIArgs({"forks": 5}))
    monkeypatch.setattr(sys, "argv", ["ansible-playbook", "raftops.nomad.fleet"])
    return Fleet(tmp_path)


def test_from_the_plans_to_the_page(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert fleet.plan() == ["to roll", "to roll"]
    assert fleet.confirm(waves=[1]) == {"changed": False, "waves": [["eu-1"], ["eu-2"]], "asked": False}
    assert [fleet.roll(name)["changed"] for name in NAMES] == [True, True]
    assert fleet.standins.rolled() == NAMES
    assert [fleet.roll(name)["state"] for name in NAMES] == ["rolled", "rolled"], "a second time in one run: nothing"
    assert [len(fleet.standins.calls(name)) for name in NAMES] == [2, 2]
    (own,) = (fleet.standins.records / "clusters/eu-1").glob("*-roll")
    (own / "report.html").touch()
    page = fleet.call(raft_fleet_report)
    assert f'href="clusters/eu-1/{own.name}/report.html"' in Path(page["path"]).read_text()
    assert page["changed"] and "2 clusters: 2 rolled." in Path(page["path"]).read_text()
    assert fleet.call(raft_fleet_report)["changed"] is False
    assert "2 clusters: 2 rolled." in capsys.readouterr().out


def test_a_failure_stops_what_comes_later(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.standins.set("eu-1", "fail")
    fleet.plan()
    fleet.confirm()
    first, second = fleet.roll("eu-1"), fleet.roll("eu-2")
    assert first["failed"] and first["msg"] == "eu-1: failed. s1 is not back. Look at its log."
    assert second["skipped"] and second["state"] == "not begun" and fleet.standins.begun() == ["eu-1"]
    assert "go on with the same command:\n  ansible-playbook raftops.nomad.fleet" in capsys.readouterr().out


def test_the_tokens_of_other_clusters_are_not_passed_on(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.hostvars["eu-2"]["raft_fleet_token_env"] = "OF_EU_2"
    monkeypatch.setenv("OF_EU_2", "secret")
    fleet.roll("eu-1", state="planned")
    (call,) = fleet.standins.calls("eu-1", "plan")[:1]
    assert "OF_EU_2" not in call["environment"] and "PATH" in call["environment"]


@pytest.mark.parametrize("command", [["false"], "an 'unclosed quotation"])
def test_a_token_that_is_not_to_be_had_stops_what_comes_later(
    fleet: Fleet, command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.plan()
    fleet.confirm()
    first, second = fleet.roll("eu-1", token_command=command), fleet.roll("eu-2")
    assert first["failed"] and first["state"] == "failed" and first["log"] == ""
    assert second["skipped"] and second["state"] == "not begun" and fleet.standins.begun() == []
    told = capsys.readouterr().out
    assert "2 clusters: 1 failed, 1 to roll." in told and "Repair what has failed" in told


def test_the_page_knows_the_end_of_a_roll_whose_keeper_was_killed(fleet: Fleet) -> None:
    fleet.plan()
    fleet.confirm()
    place = fleet.standins.records / "clusters/eu-1"
    log = place / "1-roll/artifacts/roll/stdout"
    log.parent.mkdir(parents=True)
    records = Records(str(fleet.standins.records))
    run = records.of(os.getppid(), "migrate")
    assert run
    records.note(run, "eu-1", state="rolling", began=1.0, log=str(log))

    def shown() -> str:
        page = Path(fleet.call(raft_fleet_report)["path"]).read_text()
        return re.sub("<[^>]*>", " ", page[page.index("<body>") :])

    lock = held(str(place / "lock"))
    assert lock is not None and "2 clusters: 1 rolling, 1 to roll." in shown()
    os.close(lock)
    assert "2 clusters: 1 unknown, 1 to roll." in shown() and "ended without a result" in shown()
    last = {"began": "2026-11-30T12:00:00.000Z", "ended": "2026-11-30T12:01:02.500Z"}
    report = {"schema": 1, "outcome": "unfinished", "verdict": "It stopped.", "runs": [last], "servers": []}
    (place / "1-roll/report.json").write_text(json.dumps(report))
    assert "2 clusters: 1 unknown, 1 to roll." in shown() and "It stopped." in shown()
    (place / "1-roll/report.json").write_text(json.dumps({**report, "outcome": "done"}))
    assert "2 clusters: 1 to roll, 1 rolled." in shown() and "2026-11-30 12:00:00Z" in shown() and "1:03" in shown()


def test_refused_ones_stop_all_or_are_left_out(fleet: Fleet) -> None:
    fleet.standins.set("eu-2", "refuse")
    assert fleet.plan() == ["to roll", "refused"]
    with pytest.raises(AnsibleActionFail, match="eu-2: no roll is possible there"):
        fleet.confirm()
    fleet.confirm(skip_refused=True)
    assert fleet.roll("eu-2", skip_refused=True)["state"] == "left out"


def test_a_canary_is_not_left_out(fleet: Fleet) -> None:
    fleet.standins.set("eu-1", "refuse")
    fleet.plan()
    with pytest.raises(AnsibleActionFail, match="eu-1: no roll is possible there, and that is all of the first wave"):
        fleet.confirm(waves=[1], skip_refused=True)
    assert fleet.roll("eu-2", skip_refused=True)["state"] == "not begun"
    assert fleet.confirm(waves=[2], skip_refused=True)["waves"] == [NAMES]


def test_check_mode_and_plan_and_assess_and_status_only_show(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert fleet.plan(do="plan") == ["to roll", "to roll"]
    assert fleet.confirm(do="plan")["asked"] is False
    assert fleet.roll("eu-1", do="plan")["state"] == "to roll"
    for check, disk in [(False, None), (True, False)]:
        assert fleet.plan(do="assess", check=check) == ["assessed", "assessed"]
        (left,) = fleet.standins.records.glob("clusters/eu-2/*-assess/vars.json")
        assert json.loads(left.read_text()).get("raft_logstore_assess_disk") == disk, "nothing is written with --check"
    fleet.confirm(do="assess")
    assert "eu-1: assessed. Some gain on s1" in capsys.readouterr().out
    assert fleet.roll("eu-1", do="migrate")["state"] == "not begun", "nobody was asked"
    assert fleet.plan(do="status") == ["well", "well"]
    fleet.confirm(do="status")
    assert fleet.standins.begun() == [] and "cluster  servers  now     state" in capsys.readouterr().out


def test_one_may_look_while_a_cluster_is_rolled(fleet: Fleet) -> None:
    fleet.plan()
    lock = held(str(fleet.standins.records / "clusters/eu-1/lock"))
    assert lock is not None and fleet.plan(do="status") == ["well", "well"]
    os.close(lock)


def test_a_pause_is_told_by_the_first_of_a_wave(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.plan()
    fleet.confirm(waves=[1])
    fleet.roll("eu-1", pause=1)
    fleet.roll("eu-2", pause=1)
    calls = {name: fleet.standins.calls(name) for name in NAMES}
    assert "Wave 2 of 2 begins in" in capsys.readouterr().out
    assert calls["eu-2"][0]["time"] - calls["eu-1"][-1]["time"] >= 1


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ({"inventory": ""}, "eu-1 has no raft_fleet_inventory: the path of"),
        ({"token_env": "NOT_THERE"}, "raft_fleet_token_env names NOT_THERE, which is not set"),
        ({"inventory": "no"}, "raft_fleet_inventory of eu-1 is not there"),
        ({"variables": {"raft_logstore_group": "x"}}, "raft_fleet_vars of eu-1 has raft_logstore_group."),
        ({"variables": {"raft_logstore_stop_after": 1}}, "raft_fleet_vars of eu-1 has raft_logstore_stop_after."),
    ],
)
def test_a_mistake_of_one_cluster_is_shown_with_all_others(
    fleet: Fleet, args: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for do, bad, good in [("status", "no answer", "well"), ("migrate", "no plan", "to roll")]:
        found = [fleet.roll("eu-1", state="planned", do=do, **args), fleet.roll("eu-2", state="planned", do=do)]
        assert [one["state"] for one in found] == [bad, good] and told in found[0]["line"]
    fleet.confirm(do="status")
    assert f"eu-1: no answer. {told}" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(AnsibleActionFail, match="eu-1: no roll is possible there"):
        fleet.confirm()


def test_old_records_are_removed_by_a_run_that_says_for_how_long_they_are_kept(fleet: Fleet) -> None:
    fleet.plan()
    old = fleet.standins.records / "runs/20200101T000000Z-migrate-1.json"
    for args, kept in [({}, True), ({"keep": 30, "check": True}, True), ({"keep": 30}, False)]:
        old.write_text("{}")
        fleet.confirm(**args)
        assert old.exists() == kept
    assert len(list(fleet.standins.records.glob("runs/*.json"))) == 1


def test_an_inventory_without_a_fleet(fleet: Fleet) -> None:
    fleet.groups.clear()
    with pytest.raises(AnsibleActionFail, match="The inventory needs a group fleet"):
        fleet.roll("eu-1", state="planned")


def test_what_cannot_be_confirmed_or_reported(fleet: Fleet) -> None:
    with pytest.raises(AnsibleActionFail, match="This run has no plans"):
        fleet.confirm()
    with pytest.raises(AnsibleActionFail, match="There are no records of a fleet"):
        fleet.call(raft_fleet_report)
    fleet.plan()
    with pytest.raises(AnsibleActionFail, match="raft_fleet_waves has 0"):
        fleet.confirm(waves=0)
    with pytest.raises(AnsibleActionFail, match="Cannot write the page"):
        fleet.call(raft_fleet_report, dest="/proc/no/page.html")
