# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of real rolls that fail at each stage, and of those that end well: it says so, and has no secret in it.

One cluster with ACLs goes through all of them in this order; a follower and the leader are to do. The tests before the
last ones leave it as it was. What each record shows in a browser is asked of all of them at the end.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cluster import start_faulty
from support.cluster.cluster import Cluster
from support.cluster.server import Server
from support.lacking import lacks
from support.records.browser import Browser, program
from support.rolls import leftbehind, playbooks
from support.rolls.gates import tasks_file
from support.rolls.recorded import QUICK, Record, kept, roll
from support.rolls.stops import pids


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def cluster(make_cluster: Any) -> Cluster:
    """The third server is on the WAL; the second leads from here on."""
    made: Cluster = make_cluster(acl=True, backends=("boltdb", "boltdb", "wal"))
    made.lead_by(made.servers[1])
    made.wait_healthy()
    return made


def failed(run: subprocess.CompletedProcess[str], found: Record, server: Server, step: str, left: str) -> Record:
    """The failure that the last run of a record has: the only one, at this server and step, told as on the terminal."""
    last = found["runs"][-1]
    assert run.returncode == 2, run.stdout
    assert (found["outcome"], last["outcome"]) == ("failed", "failed")
    (failure,) = last["failures"]
    assert (failure["server"], failure["step"], failure["left"]) == (server.name, step, left)
    assert failure["message"] == found["verdict"]
    assert " ".join(found["verdict"].split()) in " ".join(run.stdout.replace("\\n", " ").split())
    assert "run the same command again" in found["next"]
    row = of(found["servers"], server)
    assert (row["state"], row["left"]) == ("failed", left)
    return failure


def of(rows: list[Record], server: Server) -> Record:
    return next(one for one in rows if one["server"] == server.name)


def lane(found: Record, server: Server) -> list[Record]:
    """What was done on a server in the last run."""
    segments: list[Record] = of(found["runs"][-1]["lanes"], server)["segments"]
    return segments


def not_ok(found: Record, server: Server) -> list[str]:
    return [one["step"] for one in lane(found, server) if not one["ok"]]


def held(found: Record) -> list[tuple[str, bool]]:
    """At whose turn the hold was begun or ended in the last run."""
    return [(one["server"], one["held"]) for one in found["runs"][-1]["holds"]]


def faulty(server: Server, fault: str) -> dict[str, dict[str, Any]]:
    start = f"{sys.executable} {start_faulty.__file__} {fault} wal {server.root}"
    return {server.name: {"raft_logstore_start_command": start}}


def test_a_roll_that_is_refused_says_why_and_that_nothing_was_changed(cluster: Cluster, reports: Path) -> None:
    before = pids(cluster)
    run = roll(cluster, reports, "plan", raft_logstore_min_failure_tolerance=5)
    found = kept(cluster, reports, "plan")
    assert run.returncode == 2 and found["outcome"] == "refused", run.stdout
    assert "failure tolerance of the cluster is 1, not 5 or more" in found["verdict"]
    assert found["verdict"].endswith("Nothing was changed.") and pids(cluster) == before
    (only,) = found["runs"]
    assert (only["failures"], only["holds"], only["out_at_once"]) == ([], [], 0)
    assert only["plan"]["refusal"] == found["verdict"]
    states = {one["server"]: one["state"] for one in found["servers"]}
    assert states == {"s1": "waiting", "s2": "waiting", "s3": "nothing"}
    assert [one["server"] for one in only["leaders"]] == [cluster.servers[1].name]


def test_without_a_place_for_the_record_nothing_is_changed(cluster: Cluster, reports: Path) -> None:
    before = pids(cluster)
    (reports / "file").touch()
    run = roll(cluster, reports / "file/below")
    said = " ".join(run.stdout.split())
    assert run.returncode == 2 and "No record of this roll can be written to raft_logstore_report_dir" in said, said
    assert pids(cluster) == before and not cluster.servers[0].raft_dir.joinpath("wal").exists()


@pytest.mark.long
def test_a_start_that_fails_and_the_return_of_its_server(cluster: Cluster, reports: Path) -> None:
    first = cluster.servers[0]
    run = roll(cluster, reports, "start", faulty(first, "fail"))
    found = kept(cluster, reports, "start")

    failed(run, found, first, "start", "returned")
    assert "start" in not_ok(found, first) and lane(found, cluster.servers[1]) == []
    assert held(found) == [(first.name, True), (first.name, False)]
    row = of(found["servers"], first)
    assert (row["before"], row["after"]) == ("boltdb", "boltdb")
    assert {one["of"] for one in row["snapshots"]} == {"leader", "server"}
    assert all(re.fullmatch("[0-9a-f]{64}", one["sha256"]) for one in row["snapshots"])
    assert of(found["servers"], cluster.servers[1])["state"] == "waiting"


@pytest.mark.long
def test_a_conversion_that_fails(cluster: Cluster, reports: Path) -> None:
    """Somebody has the Raft directory locked, as another conversion would."""
    first = cluster.servers[0]
    lock = f"(flock {first.raft_dir} sleep 65 > /dev/null 2>&1 &) ; sleep 0.3"
    stop = cluster.root / "stop"
    stop.write_text(f"#!/bin/sh\n{playbooks.command_of(first, 'stop')} && {lock}\n")
    stop.chmod(0o700)
    run = roll(cluster, reports, "conversion", {first.name: {"raft_logstore_stop_command": str(stop)}})
    found = kept(cluster, reports, "conversion")
    failure = failed(run, found, first, "conversion", "put_back")
    assert "another run of this collection" in failure["message"]
    assert "convert" in not_ok(found, first)
    assert held(found) == [(first.name, True), (first.name, False)]
    assert of(found["servers"], first)["after"] == "boltdb"


@pytest.mark.long
def test_a_server_that_does_not_come_back_and_is_returned(cluster: Cluster, reports: Path) -> None:
    first = cluster.servers[0]
    run = roll(cluster, reports, "rejoin", faulty(first, "refuse"))
    found = kept(cluster, reports, "rejoin")
    failed(run, found, first, "rejoin", "returned")
    assert not_ok(found, first) == ["rejoin"] and found["runs"][-1]["out_at_once"] == 1
    (out,) = [one for one in lane(found, first) if one["step"] == "rejoin"]
    assert out["ended"] - out["began"] >= QUICK["raft_logstore_wait_timeout"], "it waited for it before the return"
    assert held(found) == [(first.name, True), (first.name, False)]


@pytest.mark.long
def test_a_server_that_runs_but_is_not_well_is_returned_once_the_others_agree(cluster: Cluster, reports: Path) -> None:
    first = cluster.servers[0]
    run = roll(cluster, reports, "log", faulty(first, "log"))
    found = kept(cluster, reports, "log")
    failed(run, found, first, "log", "returned")
    assert "stable" in not_ok(found, first) and lane(found, first)[-1]["step"] in ("release", "stable")
    assert held(found) == [(first.name, True), (first.name, False)]
    assert of(found["servers"], first)["after"] == "boltdb"


@pytest.mark.long
def test_a_host_that_is_lost(cluster: Cluster, reports: Path) -> None:
    """Nobody can reach it from its turn on: no server after it is touched, and the record names it."""
    first, second, _third = cluster.servers
    away = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    tasks = tasks_file(cluster, "away", [{"name": "Lose it", "ansible.builtin.set_fact": away}])
    before = pids(cluster)
    run = roll(cluster, reports, "lost", {first.name: {"raft_logstore_pre_tasks_file": tasks}})
    found = kept(cluster, reports, "lost")
    assert run.returncode != 0 and found["outcome"] == "failed" and pids(cluster) == before, run.stdout
    failure = found["runs"][-1]["failures"][0]
    assert (failure["server"], failure["unreachable"]) == (first.name, True) and "127.0.0.1" in failure["message"]
    assert (of(found["servers"], first)["state"], of(found["servers"], second)["after"]) == ("failed", "boltdb")


@pytest.mark.long
def test_a_rehearsal_is_told_as_one(cluster: Cluster, reports: Path) -> None:
    before = pids(cluster)
    run = roll(cluster, reports, "check", arguments=("--check",))
    found = kept(cluster, reports, "check")
    assert run.returncode == 0 and pids(cluster) == before, run.stdout
    assert (found["outcome"], found["runs"][0]["check"]) == ("rehearsed", True)
    assert "Nothing was changed." in found["verdict"] and found["next"] == "Run the same command without --check."
    assert found["runs"][0]["out_at_once"] == 0 and found["runs"][0]["failures"] == []
    assert not [one for one in found["servers"] if one["state"] == "done"]


@pytest.mark.long
def test_a_gate_of_the_second_server_then_the_run_that_finishes_then_back(
    cluster: Cluster, reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gives a name: the second run finds the record that has something left, the third is another playbook."""
    monkeypatch.setenv("ANSIBLE_SHOW_CUSTOM_STATS", "true")
    monkeypatch.setenv("ANSIBLE_CALLBACK_RESULT_FORMAT", "json")
    first, second, _third = cluster.servers
    mine = reports / "mine"
    run = roll(cluster, mine, hosts={second.name: {"raft_logstore_min_failure_tolerance": 2}})
    (name,) = [path.stem for path in mine.glob("*.json")]
    assert re.fullmatch(rf"migrate-{playbooks.GROUP}-[0-9]{{8}}T[0-9]{{6}}Z", name)
    found = kept(cluster, mine, name)
    failed(run, found, second, "The cluster can do without this server", "untouched")
    assert not_ok(found, second) == ["gate"] and not_ok(found, first) == [] and held(found) == [(first.name, True)]
    assert {one["server"]: one["state"] for one in found["servers"]} == {"s1": "done", "s2": "failed", "s3": "nothing"}
    assert "Autopilot's removal of dead servers is off" in found["verdict"]
    assert in_short(run.stdout)["outcome"] == "failed"
    assert in_short(run.stdout)["failures"] == [f"{second.name}: {found['verdict']}"]

    run = roll(cluster, mine)
    assert run.returncode == 0 and [path.stem for path in mine.glob("*.json")] == [name], run.stdout
    found = kept(cluster, mine, name)
    assert ([one["outcome"] for one in found["runs"]], found["outcome"]) == (["failed", "done"], "done")
    assert found["verdict"] == "Done: 3 of 3 on wal. The old stores stay until you run cleanup." and found["next"] == ""
    assert held(found) == [(second.name, True), (held(found)[-1][0], False)]
    assert {one["server"]: one["state"] for one in found["servers"]} == {"s1": "done", "s2": "done", "s3": "nothing"}
    assert not [one for one in found["servers"] if "message" in one or "left" in one]
    assert [one["conversion"]["verified"] > 0 for one in found["servers"] if one["state"] == "done"] == [True, True]
    assert found["runs"][1]["leaders"][0]["server"] == second.name
    assert len(found["runs"][1]["leaders"]) == 2 and found["runs"][1]["out_at_once"] == 1
    told = in_short(run.stdout)
    assert (told["outcome"], told["verdict"], told["servers"]) == ("done", found["verdict"], {"done": 2, "nothing": 1})

    run = roll(cluster, mine, playbook="rollback")
    (back,) = [path.stem for path in mine.glob("*.json") if path.stem != name]
    assert run.returncode == 0 and back.startswith(f"rollback-{playbooks.GROUP}-"), run.stdout
    found = kept(cluster, mine, back)
    assert (found["playbook"], found["backend"], found["outcome"]) == ("rollback", "boltdb", "done")
    assert {(one["before"], one["after"], one["state"]) for one in found["servers"]} == {("wal", "boltdb", "done")}
    assert [one[1] for one in held(found)] == [True, False]


def in_short(output: str) -> Record:
    """What a job of AWX has as its artifact."""
    told = output[output.rindex("CUSTOM STATS") :]
    stats: Record = json.loads(told[told.index("RUN: {") + 5 : told.rindex("}") + 1])
    found: Record = stats["raft_logstore_report"]
    return found


@pytest.mark.long
def test_each_of_these_records_opens_without_a_word_in_the_console(reports: Path, tmp_path: Path) -> None:
    if not program():
        lacks("no Chromium here: tests/tools/browser installs it")
    pages = sorted(reports.rglob("*.html"))
    told = {path.stem: Browser(tmp_path).console(path) for path in pages}
    assert len(told) >= 8, "of all long tests of this file"
    assert {name for name, lines in told.items() if lines} == set()


@pytest.mark.long
@pytest.mark.parametrize(
    ("playbook", "command", "reason"),
    [("migrate", "rm -r {}", "No such file"), ("rollback", "! dd if=/dev/zero of={}/all bs=512", "No space left")],
)
def test_a_record_that_can_no_longer_be_written_is_a_warning(
    playbook: str, command: str, reason: str, alone: Cluster, small: Path
) -> None:
    """The directory vanishes, or its file system is full, before the only server is stopped."""
    place = small / "reports"
    place.mkdir(exist_ok=True)
    tasks = tasks_file(alone, "spoil", [{"name": "Spoil it", "ansible.builtin.shell": command.format(place)}])
    backend = {"migrate": "wal", "rollback": "boltdb"}[playbook]
    variables = {"raft_logstore_pre_tasks_file": tasks, "raft_logstore_allow_outage": True}
    run = roll(alone, place, playbook=playbook, **variables)
    said = " ".join(run.stdout.split())
    assert run.returncode == 0 and f"The record of this roll in {place} is not complete: {reason}" in said, run.stdout
    assert leftbehind.is_on(alone.servers[0], backend)


@pytest.fixture(scope="module")
def alone(make_cluster: Any) -> Cluster:
    return make_cluster(size=1)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system with little space."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(tmp_path)], check=True)
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)
