# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster forward, back, forward until the roll stops half way, back, and forward again, always under writes."""

from __future__ import annotations

import hashlib
import shutil
import threading
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.cluster.cluster import Cluster
from support.cluster.server import Server
from support.cluster.writer import Writer, fill
from support.rolls import leftbehind, playbooks
from support.stores.judge import judge

pytestmark = pytest.mark.long

FILL_MB = 2


class Voters:
    """The sets of voters that any server had in its Raft configuration between start() and stop()."""

    def __init__(self, cluster: Cluster) -> None:
        self.seen: set[frozenset[str]] = set()
        self._cluster = cluster
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> Voters:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(30)

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            for server in self._cluster.servers:
                answer = server.try_api("GET", "/v1/operator/raft/configuration?stale", timeout=2.0)
                if answer.status == 200:
                    peers = answer.body["Servers"]
                    self.seen.add(frozenset(peer["ID"] for peer in peers if peer["Voter"]))


class Stage(NamedTuple):
    """What a run said, and what was there after it: the cluster, and each server's old stores with their digests."""

    run: Any
    observed: leftbehind.Observed
    holds: list[Path]
    old: dict[str, dict[str, str]]


class Story(NamedTuple):
    cluster: Cluster
    before: leftbehind.Observed
    check: Any
    untouched: bool
    stages: dict[str, Stage]
    voters: Voters
    writer: Writer


def checksum(store: Path) -> str:
    """Of a file, or of all files of a directory."""
    files = sorted(store.rglob("*")) if store.is_dir() else [store]
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def old_stores(server: Server) -> dict[str, str]:
    return {path.name: checksum(path) for path in server.raft_dir.glob("*.migrated.*")}


def stage(cluster: Cluster, playbook: str, hosts: dict[str, dict[str, Any]] | None = None) -> Stage:
    run = playbooks.run(playbook, playbooks.write_inventory(cluster, hosts=hosts))
    holds = [path for server in cluster.servers for path in server.raft_dir.glob(".raft-hold*")]
    return Stage(
        run, leftbehind.observe(cluster), holds, {server.name: old_stores(server) for server in cluster.servers}
    )


def names(cluster: Cluster) -> list[Any]:
    """What a run in check mode may not change: processes, configuration, names in the Raft directories."""
    return [
        (server.pid(), {path.name: path.read_bytes() for path in server.config_dir.iterdir()},
         sorted(path.name for path in server.raft_dir.iterdir()))
        for server in cluster.servers
    ]  # fmt: skip


@pytest.fixture(scope="module")
def story(make_cluster: Any) -> Story:
    cluster = make_cluster()
    addresses = [(server.address, server.http_port) for server in cluster.servers]
    fill(addresses, FILL_MB)
    before = leftbehind.observe(cluster)
    writer, voters = Writer(addresses).start(), Voters(cluster).start()
    stages = {"forward": stage(cluster, "migrate")}
    here = names(cluster)
    check = playbooks.run("rollback", playbooks.write_inventory(cluster), "--check", "--diff")
    untouched = names(cluster) == here
    stages["back"] = stage(cluster, "rollback")
    second = cluster.followers()[1]  # in the order of a roll, which ends with the leader
    stages["half"] = stage(cluster, "migrate", {second.name: {"raft_logstore_min_failure_tolerance": 2}})
    stages["back again"] = stage(cluster, "rollback")
    stages["forward again"] = stage(cluster, "migrate")
    voters.stop()
    writer.stop()
    return Story(cluster, before, check, untouched, stages, voters, writer)


def test_every_run_ends_as_it_should(story: Story) -> None:
    for name, (run, observed, holds, _old) in story.stages.items():
        assert run.returncode == (2 if name == "half" else 0), f"{name}: {run.stdout}"
        wanted = {"half": {"boltdb", "wal"}, "back": {"boltdb"}, "back again": {"boltdb"}}.get(name, {"wal"})
        assert set(observed.backends.values()) == wanted, name
        assert (observed.cleanup, bool(holds)) == ((False, True) if name == "half" else (True, False)), name


def test_check_mode_of_the_way_back_shows_it_and_changes_nothing(story: Story) -> None:
    assert story.check.returncode == 0, story.check.stdout
    assert story.untouched
    assert story.check.stdout.count('+    backend = "boltdb"') >= 3, "the configuration's diff of each server"
    assert "s1: would stop the agent" in story.check.stdout


def test_the_voters_were_the_same_all_the_time(story: Story) -> None:
    assert story.voters.seen == {story.before.voters}


def test_no_acknowledged_write_is_lost(story: Story) -> None:
    print(f"{len(story.writer.acknowledged)} writes, longest gap {story.writer.longest_gap_s:.2f} s")
    assert len(story.writer.acknowledged) > 100
    assert story.writer.lost() == []


def test_old_stores_are_never_changed_and_never_replaced(story: Story) -> None:
    known: dict[str, dict[str, str]] = {server.name: {} for server in story.cluster.servers}
    for name, found in story.stages.items():
        for server, old in found.old.items():
            assert known[server].items() <= old.items(), f"{name}: {server}"
            known[server] = old
    on_half = {name for name, backend in story.stages["half"].observed.backends.items() if backend == "wal"}
    assert len(on_half) == 1
    for server, old in known.items():
        assert len(old) == (5 if server in on_half else 3), old


def test_every_store_holds_what_the_one_before_it_held(story: Story, tmp_path: Path) -> None:
    """HashiCorp's libraries on copies, from the first raft.db to the WAL at the end; terms only grow."""
    story.cluster.stop_all()
    for server in story.cluster.servers:
        by_time = sorted(server.raft_dir.glob("*.migrated.*"), key=lambda path: path.name.split(".migrated.")[1])
        stores = []
        for store in [*by_time, server.raft_dir / "wal"]:
            copy = tmp_path / server.name / store.name
            copy.parent.mkdir(exist_ok=True)
            shutil.copytree(store, copy) if store.is_dir() else shutil.copy(store, copy)
            stores.append((copy, judge("digest", copy)))
        for (older, held), (newer, holds) in zip(stores, stores[1:]):
            shared = ("-from", max(held["first_index"], holds["first_index"]), "-to", held["last_index"])
            assert holds["last_index"] > held["last_index"], f"{server.name}: nothing came to {newer.name}"
            assert judge("digest", *shared, older)["digest"] == judge("digest", *shared, newer)["digest"]
            assert holds["stable"]["current_term"] >= held["stable"]["current_term"]
