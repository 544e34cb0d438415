# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stops a roll before its first server: a non-zero exit, a sentence that says why, nothing touched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cluster.cluster import Cluster
from support.paths import LAB
from support.rolls import playbooks
from support.rolls.stops import is_untouched, refused


@pytest.fixture(scope="module")
def calm(make_cluster: Any) -> Cluster:
    """A healthy cluster for the tests that must not change it."""
    return make_cluster()


def test_stops_in_the_plan_while_a_server_is_down(make_cluster: Any) -> None:
    cluster = make_cluster()
    down, lost = cluster.followers()
    down.stop()
    nothing_there = {lost.name: {"raft_logstore_port": down.http_port, "raft_logstore_host": down.address}}
    said = refused(cluster, "migrate", hosts=nothing_there)
    assert "Bring back first: " in said and f"{down.name}: http" in said
    assert re.search(
        rf"{lost.name}: http[^;]*Its store is in use, so the agent seems to run: wait if it is starting", said
    )


def test_stops_in_the_plan_on_a_server_older_than_the_backend(
    make_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the lab server can claim a version that it does not have."""
    monkeypatch.setenv("RAFTOPS_LAB_VERSION", "1.11.3")
    cluster = make_cluster(binary=str(LAB))
    assert "s1 runs 1.11.3" in refused(cluster, "migrate")


@pytest.mark.long
def test_stops_before_the_first_server_when_serial_is_not_one(calm: Cluster) -> None:
    """The role refuses whatever play it is in, so the shipped playbook with another serial is such a play."""
    plays = playbooks.shipped("migrate")
    (roll,) = [play for play in plays if "raft_logstore_queue" in play.get("hosts", "")]
    roll["serial"] = 2
    playbook = calm.root / "two_at_once.yml"
    playbook.write_text(yaml.safe_dump(plays, sort_keys=False))
    assert "one server at a time" in refused(calm, str(playbook))


@pytest.mark.long
def test_stops_in_the_plan_when_another_controller_holds_the_cluster(calm: Cluster) -> None:
    hold = calm.servers[0].raft_dir / ".raft-hold.json"
    hold.write_text('{"version": 1, "origin": "elsewhere", "previous": true, "created": "2026-11-22T13:20:35Z"}\n')
    said = refused(calm, "migrate")
    assert "elsewhere has held this cluster for a roll since 2026-11-22T13:20:35Z, but nothing is at work" in said
    assert hold.exists()
    assert "set raft_logstore_origin to elsewhere." in said
    given = ("-e", "raft_logstore_origin=elsewhere", *playbooks.ONE)
    same = playbooks.run("migrate", playbooks.write_inventory(calm), "--check", *given)
    assert same.returncode == 0, same.stdout
    hold.unlink()


@pytest.mark.long
def test_a_job_template_goes_on_with_what_its_last_job_has_left(calm: Cluster) -> None:
    """Its node has another name each time. The template is the same, and another one is somebody else's."""
    hold = calm.servers[0].raft_dir / ".raft-hold.json"
    origin = "job template 7 of AWX"
    hold.write_text(f'{{"version": 1, "origin": "{origin}", "previous": true, "created": "2026-11-22T13:20:35Z"}}\n')
    for template, ours in (7, True), (8, False):
        given = f'{{"awx_job_template_id": {template}}}'
        run = playbooks.run("migrate", playbooks.write_inventory(calm), "--check", "-e", given, *playbooks.ONE)
        assert (run.returncode == 0) is ours, run.stdout
        assert (f"{origin} has held this cluster" in " ".join(run.stdout.split())) is not ours
    hold.unlink()


def test_stops_after_the_plan_when_nobody_can_be_asked(calm: Cluster) -> None:
    said = refused(calm, "migrate", raft_logstore_force=False)
    assert "order server role" in said
    assert "force" in said


def test_stops_at_a_variable_that_is_misspelt(calm: Cluster) -> None:
    """As in `-e raft_logstore_alow_outage=true`, which would otherwise be passed over without a word."""
    said = refused(calm, "migrate", raft_logstore_alow_outage=True)
    assert "There is no variable raft_logstore_alow_outage. Did you mean raft_logstore_allow_outage?" in said


def test_stops_when_the_group_has_no_hosts(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"other": {"hosts": {"s1": {"ansible_connection": "local"}}}}))
    for playbook in "migrate", "status":
        run = playbooks.run(playbook, inventory)
        assert run.returncode != 0, run.stdout
        assert "no hosts in the group nomad_servers" in " ".join(run.stdout.split())


def test_stops_in_the_plan_when_the_group_is_not_the_cluster(calm: Cluster) -> None:
    inventory = playbooks.write_inventory(calm)
    content = yaml.safe_load(inventory.read_text())
    missing = content[playbooks.GROUP]["hosts"].pop("s3")
    inventory.write_text(yaml.safe_dump(content, sort_keys=False))
    run = playbooks.run("migrate", inventory)
    assert run.returncode != 0, run.stdout
    said = " ".join(run.stdout.split())
    assert f"In the cluster, but not read by this run: {missing['raft_logstore_host']}:" in said
    assert all(map(is_untouched, calm.servers))


def test_stops_in_the_plan_when_another_server_answers_for_a_host(calm: Cluster) -> None:
    one = calm.servers[0].address
    said = refused(calm, "migrate", hosts={"s2": {"raft_logstore_host": one}})
    assert "s1.global, another server than the one whose store is on s2" in said
