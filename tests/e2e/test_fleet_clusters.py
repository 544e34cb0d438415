# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook fleet on real clusters under writes: nothing acknowledged is lost, and the sick one is left alone."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import pytest
import yaml
from support.cluster.cluster import Cluster
from support.cluster.watcher import Watcher
from support.cluster.writer import Writer
from support.lacking import lacks
from support.rolls import leftbehind, playbooks

pytestmark = pytest.mark.long

STABLE_S = 1


class Fleet:
    """Clusters, each with its inventory, and the inventory of all of them."""

    def __init__(self, root: Path, clusters: Dict[str, Cluster], origin: str = "", **variables: Any) -> None:
        self.clusters, self.records, self.inventory = clusters, root / "records", root / "fleet.yml"
        root.mkdir()
        hosts: Dict[str, Any] = {}
        for name, cluster in clusters.items():
            path = playbooks.write_inventory(cluster, raft_logstore_stable_for=STABLE_S)
            given = {"raft_logstore_allow_outage": len(cluster.servers) == 1, "raft_logstore_assess_for": 0}
            more = {"raft_logstore_origin": origin} if origin else {}
            hosts[name] = {"raft_fleet_inventory": str(path), "raft_fleet_vars": {**given, **more}}
        common = {"raft_fleet_dir": str(self.records), "raft_fleet_force": True, **variables}
        self.inventory.write_text(yaml.safe_dump({"fleet": {"hosts": hosts, "vars": common}}, sort_keys=False))

    def start(self) -> subprocess.Popen[str]:
        """Start the playbook fleet."""
        return subprocess.Popen(
            playbooks.command("fleet", self.inventory),
            env=playbooks.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def writers(self) -> Dict[str, Writer]:
        """A writer on each cluster, begun."""
        places = {
            name: [(server.address, server.http_port) for server in cluster.servers]
            for name, cluster in self.clusters.items()
        }
        return {name: Writer(addresses).start() for name, addresses in places.items()}

    def watchers(self) -> Dict[str, Watcher]:
        """A watcher of each cluster, begun."""
        return {name: Watcher(cluster).start() for name, cluster in self.clusters.items()}

    def backends(self, name: str) -> List[str]:
        """What the servers of a cluster say that they run on."""
        return sorted(leftbehind.observe(self.clusters[name]).backends.values())


class Story(NamedTuple):
    """The runs of a fleet of two, and its writers and watchers."""

    fleet: Fleet
    assess: Any
    roll: Any
    again: Any
    status: Any
    writers: Dict[str, Writer]
    watchers: Dict[str, Watcher]


@pytest.fixture(scope="module")
def story(make_cluster: Any, fleet_dir: Path) -> Story:
    fleet = Fleet(fleet_dir / "two", {"eu-1": make_cluster(size=1), "eu-2": make_cluster(size=3)})
    writers, watchers = fleet.writers(), fleet.watchers()
    assess = playbooks.run("fleet", fleet.inventory, "-e", "raft_fleet_do=assess")
    roll = playbooks.run("fleet", fleet.inventory)
    again = playbooks.run("fleet", fleet.inventory)
    status = playbooks.run("fleet_status", fleet.inventory)
    for one in (*writers.values(), *watchers.values()):
        one.stop()
    return Story(fleet, assess, roll, again, status, writers, watchers)


def test_all_are_assessed_in_one_table(story: Story) -> None:
    told = " ".join(story.assess.stdout.split())
    assert story.assess.returncode == 0 and "2 clusters: 2 assessed." in told, story.assess.stdout
    for name, cluster in story.fleet.clusters.items():
        assert re.search(rf"{name}: assessed\. [A-Z][^.]+.* out for about [0-9.]+ s, one at a time\.", told), told
        (left,) = story.fleet.records.glob(f"clusters/{name}/*-assess/assessment.json")
        assert len(json.loads(left.read_text())["servers"]) == len(cluster.servers)


def test_all_are_planned_and_then_rolled(story: Story) -> None:
    assert "2 clusters: 2 to roll." in story.roll.stdout and story.roll.returncode == 0, story.roll.stdout
    assert "rolled: eu-1, eu-2" in story.roll.stdout
    assert [story.fleet.backends(name) for name in story.fleet.clusters] == [["wal"], ["wal"] * 3]


def test_nothing_acknowledged_is_lost(story: Story) -> None:
    assert {name: writer.lost() for name, writer in story.writers.items()} == {"eu-1": [], "eu-2": []}


def test_never_more_than_one_server_of_a_cluster_is_out(story: Story) -> None:
    for name, watcher in story.watchers.items():
        assert all(0 < out_s < float("inf") for out_s in watcher.out_s.values()), f"{name}: {watcher.out_s}"
    assert {name: watcher.most_out() for name, watcher in story.watchers.items()} == {"eu-1": 1, "eu-2": 1}


def test_the_same_again_finds_all_in_order(story: Story) -> None:
    assert story.again.returncode == 0 and "2 clusters: 2 in order." in story.again.stdout, story.again.stdout
    assert len(list(story.fleet.records.glob("clusters/*/*-roll"))) == 2


def test_each_roll_has_a_record_of_its_own(story: Story) -> None:
    found = sorted(story.fleet.records.glob("clusters/*/*-roll/report.json"))
    assert [json.loads(path.read_text())["outcome"] for path in found] == ["done", "done"]
    assert all(path.with_suffix(".html").exists() for path in found)


def test_status_is_one_table(story: Story) -> None:
    assert story.status.returncode == 0 and "2 clusters: 2 well." in story.status.stdout, story.status.stdout


SIZES = (1, 1, 3, 1, 3, 1)


def test_six_clusters_one_of_them_sick(make_cluster: Any, fleet_dir: Path) -> None:
    """The sick one, of three servers with one down, is refused; the others are rolled; repaired, it is rolled too."""
    names = [f"eu-{number}" for number in range(1, 7)]
    fleet = Fleet(fleet_dir / "six", {name: make_cluster(size=size) for name, size in zip(names, SIZES)})
    down = fleet.clusters["eu-3"].followers()[0]
    down.stop()
    writers, watchers = fleet.writers(), fleet.watchers()
    stopped = playbooks.run("fleet", fleet.inventory)
    assert stopped.returncode == 2 and "6 clusters: 1 refused, 5 to roll." in stopped.stdout, stopped.stdout
    run = playbooks.run("fleet", fleet.inventory, "-f", "6", "-e", "raft_fleet_skip_refused=true")
    assert run.returncode == 0 and "1 left out, 5 rolled" in run.stdout, run.stdout
    down.start()
    fleet.clusters["eu-3"].wait_healthy(60)
    run = playbooks.run("fleet", fleet.inventory)
    assert run.returncode == 0 and "1 rolled, 5 in order" in run.stdout, run.stdout
    for one in (*writers.values(), *watchers.values()):
        one.stop()
    assert {name: watcher.most_out() for name, watcher in watchers.items()} == dict.fromkeys(watchers, 1)
    assert {backend for name in names for backend in fleet.backends(name)} == {"wal"}
    assert [name for name in names if writers[name].lost()] == []


OTHER_CONTROLLER = """#!/bin/sh
# Another controller: the same hosts, but a /tmp of its own, with only the test in it, so without the notes of rolls.
exec unshare --mount sh -c 'set -e
shared=$1; shift
mount --bind "$shared" /mnt
mount -t tmpfs none /tmp
mkdir -p "$shared"
mount --move /mnt "$shared"
cd "$PWD"
exec "$@"' sh {shared} {program} "$@"
"""


def may_unshare() -> bool:
    return subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0


def test_of_two_controllers_one_is_refused_and_one_server_is_out_at_once(make_cluster: Any, fleet_dir: Path) -> None:
    """Each has its own records, and they begin at once: only the hold in the cluster can decide."""
    if not may_unshare():
        lacks("a second controller needs a mount namespace of its own")
    cluster = make_cluster(size=3)
    other = fleet_dir / "other-controller"
    shared = cluster.root.parents[1]
    other.write_text(OTHER_CONTROLLER.format(shared=shared, program=playbooks.tool("ansible-playbook")))
    other.chmod(0o755)
    fleets = [
        Fleet(fleet_dir / "one", {"eu-1": cluster}),
        Fleet(fleet_dir / "both", {"eu-1": cluster}, origin="elsewhere", raft_fleet_executable=str(other)),
    ]
    writers, watchers = fleets[0].writers(), fleets[0].watchers()
    runs = [fleet.start() for fleet in fleets]
    told = [" ".join(run.communicate()[0].split()) for run in runs]
    ended = {run.returncode: said for run, said in zip(runs, told)}
    again = playbooks.run("fleet", fleets[0].inventory)
    for one in (*writers.values(), *watchers.values()):
        one.stop()
    assert set(ended) == {0, 2}, told
    # Found out by its plan, or at its first server.
    assert re.search(r"(has held|holds) this cluster for a roll|the cluster is held by \S+ since", ended[2]), ended[2]
    assert again.returncode == 0 and fleets[0].backends("eu-1") == ["wal"] * 3, again.stdout
    assert watchers["eu-1"].most_out() == 1 and writers["eu-1"].lost() == []
