# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster looked at, rolled to WAL under writes, and rolled again: what a user would see after each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from e2e import adhoc, playbooks, verdict
from e2e.cluster import Cluster
from e2e.server import process_start_time
from e2e.watcher import Watcher
from e2e.writer import Writer, fill

FILL_MB = 4


class Moment(NamedTuple):
    """All of a cluster that a run may not change by itself: processes, configuration, names in the Raft directories."""

    observed: verdict.Observed
    pids: list[int | None]
    files: dict[str, Any]


class Story(NamedTuple):
    """A cluster, and what was seen before, between and after its runs."""

    cluster: Cluster
    before: Moment
    check: Any
    checked: Moment
    leader: str
    roll: Any
    rolled: Moment
    writer: Writer
    watcher: Watcher
    again: Any
    rolled_again: Moment


def moment(cluster: Cluster) -> Moment:
    files: dict[str, Any] = {}
    for server in cluster.servers:
        files |= {str(path): path.read_bytes() for path in server.config_dir.iterdir()}
        files |= {f"{server.raft_dir}/{name}": None for name in sorted(path.name for path in server.raft_dir.iterdir())}
    return Moment(verdict.observe(cluster), [server.pid() for server in cluster.servers], files)


@pytest.fixture(scope="module")
def story(make_cluster: Any) -> Story:
    cluster = make_cluster()
    addresses = [(server.address, server.http_port) for server in cluster.servers]
    fill(addresses, FILL_MB)
    inventory = playbooks.write_inventory(cluster)
    before = moment(cluster)
    check = playbooks.run("migrate", inventory, "--check", "--diff")
    checked = moment(cluster)
    leader = cluster.leader()
    assert leader is not None
    writer, watcher = Writer(addresses).start(), Watcher(cluster).start()
    roll = playbooks.run("migrate", inventory)
    watcher.stop()
    writer.stop()
    rolled = moment(cluster)
    again = playbooks.run("migrate", inventory)
    return Story(
        cluster, before, check, checked, leader.name, roll, rolled, writer, watcher, again, moment(cluster)
    )  # fmt: skip


def recap(output: str) -> dict[str, dict[str, int]]:
    """The numbers of PLAY RECAP by host."""
    lines = re.findall(r"^(\S+)\s+: (ok=.*)$", output, re.MULTILINE)
    return {host: {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", rest)} for host, rest in lines}


def test_check_mode_shows_plan_and_diff_and_changes_nothing(story: Story) -> None:
    assert story.check.returncode == 0, story.check.stdout
    assert story.checked == story.before
    assert re.search(r"order +server +address +role +version +backend +state +action", story.check.stdout)
    assert story.check.stdout.count('backend = "wal"') >= 3, "the configuration's diff of each server"
    assert "Would stop the agent of s1" in story.check.stdout


def test_roll_brings_every_server_to_wal_with_the_same_voters(story: Story) -> None:
    assert story.roll.returncode == 0, story.roll.stdout
    after = story.rolled.observed
    assert set(after.backends.values()) == {"wal"}
    assert after.voters == story.before.observed.voters
    assert all(verdict.is_guarded(server) for server in story.cluster.servers)


def test_leader_was_last_and_each_server_was_restarted_once(story: Story) -> None:
    pids = {server.name: server.pid() for server in story.cluster.servers}
    started = {name: process_start_time(pid) for name, pid in pids.items() if pid is not None}
    assert max(started, key=lambda name: started[name] or 0) == story.leader
    assert all(0 < out_s < float("inf") for out_s in story.watcher.out_s.values()), story.watcher.out_s


def test_no_acknowledged_write_is_lost(story: Story) -> None:
    print(f"{len(story.writer.acknowledged)} writes, longest gap {story.writer.longest_gap_s:.2f} s")
    print("out of the cluster: " + ", ".join(f"{name} {out_s:.1f} s" for name, out_s in story.watcher.out_s.items()))
    assert len(story.writer.acknowledged) > 100
    assert story.writer.lost() == []


def test_autopilot_is_as_before_and_no_hold_is_left(story: Story) -> None:
    assert (story.before.observed.cleanup, story.rolled.observed.cleanup) == (True, True)
    assert not [path for server in story.cluster.servers for path in server.raft_dir.glob(".raft-hold*")]
    assert story.rolled.observed.autopilot_index > story.before.observed.autopilot_index, "it was never held"


def test_snapshots_are_sound_and_private(story: Story) -> None:
    saved = verdict.snapshots(story.cluster)
    assert len(saved) == 1 + len(story.cluster.servers)
    assert all(verdict.snapshot_is_sound(path) for path in saved)


def test_second_run_changes_nothing_and_stops_nothing(story: Story) -> None:
    assert story.again.returncode == 0, story.again.stdout
    assert {counts["changed"] for counts in recap(story.again.stdout).values()} == {0}, story.again.stdout
    assert story.rolled_again == story.rolled


def test_stores_hold_what_the_old_ones_held(story: Story, tmp_path: Path) -> None:
    """HashiCorp's own libraries see in each WAL what they see in the old raft.db, and our digest is theirs."""
    story.cluster.stop_all()
    hosts = {server.name: {"data": str(server.data_dir)} for server in story.cluster.servers}
    ours = adhoc.run(
        adhoc.inventory(tmp_path / "hosts.json", hosts), "raft_store_info", {"data_dir": "{{ data }}", "digest": True}
    )
    for server in story.cluster.servers:
        (backup,) = server.raft_dir.glob("raft.db.migrated.*")
        old = adhoc.judge("digest", backup)
        kept = adhoc.judge("digest", "-from", old["first_index"], "-to", old["last_index"], server.raft_dir / "wal")
        assert kept["digest"] == old["digest"]
        now = adhoc.judge("digest", server.raft_dir / "wal")
        assert ours.results[server.name]["raft_store"]["digest"] == now["digest"], ours.output
        assert now["last_index"] > old["last_index"]
