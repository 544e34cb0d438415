# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolls that have to end at a gate around one server, and the faults that such a gate is for."""

from __future__ import annotations

import sys
from typing import Any

import yaml
from support.cluster.cluster import Cluster
from support.paths import SUPPORT
from support.rolls import leftbehind, playbooks

START_SICK = SUPPORT / "cluster/start_sick.py"
IMPATIENT = {
    "raft_logstore_gate_timeout": 6,
    "raft_logstore_stop_timeout": 2,
    "raft_logstore_stable_for": 1,
    "raft_logstore_rollback_on_failure": False,
}


def state(cluster: Cluster) -> dict[str, tuple[int | None, bool, bool]]:
    """Of each server: process, whether its store is the WAL, whether its configuration says so."""
    return {
        server.name: (
            server.pid(),
            leftbehind.is_guarded(server),
            any('backend = "wal"' in path.read_text() for path in server.config_dir.iterdir()),
        )
        for server in cluster.servers
    }


def stopped(cluster: Cluster, touched: int, hosts: dict[str, dict[str, Any]] | None = None, **variables: Any) -> str:
    """What a run said, on one line, that had to fail and to touch no more servers than these."""
    before = state(cluster)
    roll = playbooks.run("migrate", playbooks.write_inventory(cluster, hosts, **{**IMPATIENT, **variables}))
    after = state(cluster)
    assert roll.returncode != 0, roll.stdout
    different = [name for name, seen in after.items() if seen != before[name]]
    assert len(different) <= touched, roll.stdout
    return " ".join(roll.stdout.split())


def sick(cluster: Cluster, sickness: str) -> dict[str, dict[str, Any]]:
    """The same start command for every server, so that whichever comes next has the fault."""
    return {
        server.name: {"raft_logstore_start_command": f"{sys.executable} {START_SICK} {sickness} {server.root}"}
        for server in cluster.servers
    }


def tasks_file(cluster: Cluster, name: str, tasks: list[dict[str, Any]]) -> str:
    path = cluster.root / f"{name}.yml"
    path.write_text(yaml.safe_dump(tasks, sort_keys=False))
    return str(path)


def failing(cluster: Cluster, message: str) -> str:
    return tasks_file(cluster, "no", [{"name": "Say no", "ansible.builtin.fail": {"msg": message}}])


def assert_finishes(cluster: Cluster) -> None:
    """The same command without the faults ends well, and nothing of a roll is left."""
    roll = playbooks.run("migrate", playbooks.write_inventory(cluster))
    assert roll.returncode == 0, roll.stdout
    after = leftbehind.observe(cluster)
    assert set(after.backends.values()) == {"wal"} and after.cleanup is True
    assert len(after.voters) == len(cluster.servers)
    assert not any(leftbehind.is_unfinished(server) for server in cluster.servers)
