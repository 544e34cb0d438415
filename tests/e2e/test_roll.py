# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster rolled to WAL under writes, and rolled again: what a user would see after each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from support.cluster.cluster import Cluster, wait_until
from support.cluster.server import process_start_time
from support.cluster.watcher import Watcher
from support.cluster.writer import Writer, fill
from support.rolls import adhoc, leftbehind, playbooks
from support.stores.judge import judge

FILL_MB = 4
PAUSE_S = 1
# Beyond what one transfer of leadership takes by itself. Without a transfer an election would take longer than that.
GAP_BEYOND_TRANSFER_S = 1.5


class Moment(NamedTuple):
    """What a run may not change unasked: processes, configuration, names in the Raft directories."""

    observed: leftbehind.Observed
    pids: list[int | None]
    files: dict[str, Any]


class Story(NamedTuple):
    """A cluster, and what was seen before, between and after its runs."""

    cluster: Cluster
    before: Moment
    leader: str
    roll: Any
    rolled: Moment
    writer: Writer
    watcher: Watcher
    again: Any
    rolled_again: Moment
    transfer_gap_s: float
    notes: list[list[str]]


def moment(cluster: Cluster) -> Moment:
    files: dict[str, Any] = {}
    for server in cluster.servers:
        files |= {str(path): path.read_bytes() for path in server.config_dir.iterdir()}
        files |= {f"{server.raft_dir}/{name}": None for name in sorted(path.name for path in server.raft_dir.iterdir())}
    return Moment(leftbehind.observe(cluster), [server.pid() for server in cluster.servers], files)


def transfer_gap_s(cluster: Cluster, writer: Writer) -> float:
    """The longest gap between two writes around a transfer of leadership, with nothing else going on."""
    (target, *_others), old = cluster.followers(), cluster.leader()
    identity = target.api("GET", "/v1/agent/self").body["member"]["Tags"]["id"]
    before = len(writer.start().acknowledged)
    target.api("PUT", f"/v1/operator/raft/transfer-leadership?id={identity}")
    wait_until("another leader", lambda: cluster.leader() not in (None, old), 30)
    wait_until("writes afterwards", lambda: len(writer.acknowledged) > before + 20, 30)
    writer.stop()
    cluster.wait_healthy()
    return writer.longest_gap_s


def hooks(cluster: Cluster) -> dict[str, str]:
    """Variables of the operator's own tasks, which note when they ran for which server."""
    variables = {}
    for when in "pre", "post":
        note = f"echo {when} {{{{ inventory_hostname }}}} $(date +%s.%N) >> {cluster.root}/notes"
        task = {"name": "Note it", "ansible.builtin.shell": {"cmd": note}, "changed_when": False}
        path = cluster.root / f"{when}.yml"
        path.write_text(yaml.safe_dump([task]))
        variables[f"raft_logstore_{when}_tasks_file"] = str(path)
    return variables


@pytest.fixture(scope="module")
def story(make_cluster: Any) -> Story:
    cluster = make_cluster()
    addresses = [(server.address, server.http_port) for server in cluster.servers]
    fill(addresses, FILL_MB)
    gap_s = transfer_gap_s(cluster, Writer(addresses, "transfer"))
    inventory = playbooks.write_inventory(cluster, raft_logstore_pause_between=PAUSE_S, **hooks(cluster))
    before = moment(cluster)
    leader = cluster.leader()
    assert leader is not None
    writer, watcher = Writer(addresses).start(), Watcher(cluster).start()
    roll = playbooks.run("migrate", inventory)
    watcher.stop()
    writer.stop()
    rolled = moment(cluster)
    notes = [line.split() for line in (cluster.root / "notes").read_text().splitlines()]
    again = playbooks.run("migrate", inventory)
    seen = (before, leader.name, roll, rolled, writer, watcher, again, moment(cluster))
    return Story(cluster, *seen, gap_s, notes)


def recap(output: str) -> dict[str, dict[str, int]]:
    """The numbers of PLAY RECAP by host."""
    lines = re.findall(r"^(\S+)\s+: (ok=.*)$", output, re.MULTILINE)
    return {host: {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", rest)} for host, rest in lines}


def test_roll_brings_every_server_to_wal_with_the_same_voters(story: Story) -> None:
    assert story.roll.returncode == 0, story.roll.stdout
    after = story.rolled.observed
    assert set(after.backends.values()) == {"wal"}
    assert after.voters == story.before.observed.voters
    assert all(leftbehind.is_guarded(server) for server in story.cluster.servers)


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


def test_writes_are_refused_no_longer_than_a_transfer_of_leadership_takes(story: Story) -> None:
    print(f"longest gap {story.writer.longest_gap_s:.2f} s; a transfer by itself {story.transfer_gap_s:.2f} s")
    assert story.writer.longest_gap_s <= story.transfer_gap_s + GAP_BEYOND_TRANSFER_S


def test_the_operators_tasks_run_around_each_server_and_there_is_a_pause_between_two(story: Story) -> None:
    servers = [name for _when, name, _at in story.notes[::2]]
    assert [note[:2] for note in story.notes] == [[when, name] for name in servers for when in ("pre", "post")]
    assert sorted(servers) == sorted(server.name for server in story.cluster.servers)
    times = [float(at) for _when, _name, at in story.notes]
    assert all(after - before >= PAUSE_S for before, after in zip(times[1::2], times[2::2], strict=False))


def test_the_summary_says_what_each_time_out_was_made_of(story: Story) -> None:
    rows = re.findall(r"(s\d)((?: +\d+\.\d\d){6})", story.roll.stdout)
    assert sorted(name for name, _numbers in rows) == sorted(server.name for server in story.cluster.servers)
    for name, numbers in rows:
        print(f"{name}: stop, configuration, conversion, start, rejoin, total: {numbers.strip()}")
        total = float(numbers.split()[-1])
        # The watcher looks ten times a second, and sees a server that has caught up before the leader says so too.
        assert story.watcher.out_s[name] <= total + 1


def test_autopilot_is_as_before_and_no_hold_is_left(story: Story) -> None:
    assert (story.before.observed.cleanup, story.rolled.observed.cleanup) == (True, True)
    assert not [path for server in story.cluster.servers for path in server.raft_dir.glob(".raft-hold*")]
    assert story.rolled.observed.autopilot_index > story.before.observed.autopilot_index, "it was never held"
    assert "autopilot has other settings" not in story.roll.stdout


def test_snapshots_are_sound_and_private(story: Story) -> None:
    saved = leftbehind.snapshots(story.cluster)
    assert len(saved) == 1 + len(story.cluster.servers)
    assert all(leftbehind.snapshot_is_sound(path) for path in saved)


def test_second_run_changes_nothing_and_stops_nothing(story: Story) -> None:
    assert story.again.returncode == 0, story.again.stdout
    assert {counts["changed"] for counts in recap(story.again.stdout).values()} == {0}, story.again.stdout
    assert story.rolled_again == story.rolled


def test_what_is_printed_can_be_read(story: Story) -> None:
    """Each task costs a headline, and a line for each host. The operator's own, here two a server, are among them."""
    lines = {name: len(run.stdout.splitlines()) for name, run in (("roll", story.roll), ("again", story.again))}
    print(lines)
    assert lines["roll"] <= 215 and lines["again"] <= 75
    assert "TASK [raftops.nomad.raft_logstore : Show the cluster]" in story.roll.stdout
    assert not re.search(r"^skipping", story.roll.stdout, re.MULTILINE), story.roll.stdout


def test_stores_hold_what_the_old_ones_held(story: Story, tmp_path: Path) -> None:
    """HashiCorp's own libraries see in each WAL what they see in the old raft.db, and our digest is theirs."""
    story.cluster.stop_all()
    hosts = {server.name: {"data": str(server.data_dir)} for server in story.cluster.servers}
    ours = adhoc.run(
        adhoc.inventory(tmp_path / "hosts.json", hosts), "raft_store_info", {"data_dir": "{{ data }}", "digest": True}
    )
    for server in story.cluster.servers:
        (backup,) = server.raft_dir.glob("raft.db.migrated.*")
        old = judge("digest", backup)
        kept = judge("digest", "-from", old["first_index"], "-to", old["last_index"], server.raft_dir / "wal")
        assert kept["digest"] == old["digest"]
        now = judge("digest", server.raft_dir / "wal")
        assert ours.results[server.name]["raft_store"]["digest"] == now["digest"], ours.output
        assert now["last_index"] > old["last_index"]
