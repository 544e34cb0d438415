# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook assess on running clusters: before a roll and after it, in check mode, where a roll would be refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.cluster.cluster import Cluster
from support.cluster.writer import Writer, fill
from support.rolls import playbooks

AT_ONCE = ("-e", "raft_logstore_assess_for=0")
FILL_MB = 5


def addresses(cluster: Cluster) -> list[tuple[str, int]]:
    return [(server.address, server.http_port) for server in cluster.servers]


def rows(output: str, first: str) -> dict[str, list[str]]:
    """The rows of the table whose titles begin like this, by server."""
    lines = output.splitlines()
    start = next(number for number, line in enumerate(lines) if re.match(first, line))
    return {line.split()[0]: line.split() for line in lines[start + 1 : start + 4]}


def left_behind(cluster: Cluster) -> list[str]:
    return [str(path) for server in cluster.servers for path in server.data_dir.rglob(".raftops*")]


@pytest.mark.long
def test_before_and_after_a_roll(make_cluster: Any, tmp_path: Path) -> None:
    cluster = make_cluster()
    inventory = playbooks.write_inventory(cluster)
    fill(addresses(cluster), FILL_MB)
    writer = Writer(addresses(cluster), pause_s=0.01).start()
    told = tmp_path / "assessment.json"
    try:
        before = playbooks.run(
            "assess", inventory, "-e", "raft_logstore_assess_for=11", "-e", f"raft_logstore_assess_file={told}"
        )
        found = json.loads(told.read_text())
        rolled = playbooks.run("migrate", inventory)
        after = playbooks.run("assess", inventory, *AT_ONCE)
    finally:
        writer.stop()
    assert before.returncode == rolled.returncode == after.returncode == 0, before.stdout + rolled.stdout + after.stdout

    now, change = rows(before.stdout, "server +role +backend"), rows(before.stdout, "server +size")
    assert {row[2] for row in now.values()} == {"boltdb"} and all(float(row[3]) > 1 for row in now.values()), now
    leaders = [name for name, row in now.items() if row[1] == "leader"]
    assert [name for name, row in now.items() if row[6] != "-"] == leaders, "only a leader knows what a commit takes"
    assert all(float(row[7]) < 10 for row in change.values()), change
    assert "Nothing stands against a roll now." in before.stdout
    shown = [line for line in before.stdout.splitlines() if line.startswith(("server ", "s1 ", "store:", "freelist:"))]
    assert all(len(line) <= 78 for line in shown if "ok=" not in line), shown
    assert found["gain"] in ("little to gain", "some gain", "worth it") and found["longest_out_s"] > 0
    assert {one["host"]: one["size"] for one in found["servers"]}.keys() == now.keys()
    assert {row[2] for row in rows(after.stdout, "server +role").values()} == {"wal"}
    assert "Worth it? No: all servers are on wal already." in after.stdout
    assert left_behind(cluster) == []


def test_check_mode_leaves_the_disk_alone_and_a_closed_gate_is_told(make_cluster: Any) -> None:
    cluster = make_cluster()
    inventory = playbooks.write_inventory(cluster, raft_logstore_min_failure_tolerance=2)
    names = {str(path) for server in cluster.servers for path in (server.data_dir / "server").iterdir()}
    run = playbooks.run("assess", inventory, *AT_ONCE, "--check")
    assert run.returncode == 0, run.stdout
    assert "A roll would be refused now: The failure tolerance of the cluster is 1, not 2 or more." in run.stdout
    assert all(row[7] == "-" for row in rows(run.stdout, "server +role").values())
    assert names == {str(path) for server in cluster.servers for path in (server.data_dir / "server").iterdir()}


def test_a_wrong_variable_is_a_sentence(make_cluster: Any) -> None:
    cluster = make_cluster()
    inventory = playbooks.write_inventory(cluster)
    run = playbooks.run("assess", inventory, "-e", "raft_logstore_assess_fro=1")
    assert "Did you mean raft_logstore_assess_for?" in run.stdout and run.returncode != 0, run.stdout
