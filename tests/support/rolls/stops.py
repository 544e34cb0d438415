# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolls that have to stop, and the run that finishes what they have left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from support.cluster.cluster import Cluster
from support.cluster.server import Server
from support.rolls import leftbehind, playbooks


def pids(cluster: Cluster) -> dict[str, int | None]:
    return {server.name: server.pid() for server in cluster.servers}


def is_untouched(server: Server) -> bool:
    """Whether no roll has changed its store or its configuration."""
    return not server.raft_dir.joinpath("wal").exists() and "raft_logstore" not in "".join(
        path.read_text() for path in server.config_dir.iterdir()
    )


def refused(cluster: Cluster, playbook: str, **variables: Any) -> str:
    """What a run said, on one line, that had to fail and to leave every server as it was."""
    before = pids(cluster)
    run = playbooks.run(playbook, playbooks.write_inventory(cluster, **variables))
    assert run.returncode != 0, run.stdout
    assert pids(cluster) == before
    assert all(map(is_untouched, cluster.servers))
    return " ".join(run.stdout.split())


def assert_completes(cluster: Cluster, inventory: Path, voters: frozenset[str]) -> None:
    """The next run ends well: all on the WAL, with the voters that there were, and nothing held."""
    again = playbooks.run("migrate", inventory)
    assert again.returncode == 0, again.stdout
    after = leftbehind.observe(cluster)
    assert set(after.backends.values()) == {"wal"}
    assert (after.voters, after.cleanup) == (voters, True)


def after_the_last(cluster: Cluster, command: str) -> dict[str, Any]:
    """Variables with which a command is run when all servers are done, before the end state is proven."""
    tasks = cluster.root / "after.yml"
    last = "inventory_hostname == groups.raft_logstore_queue | last"
    tasks.write_text(yaml.safe_dump([{"ansible.builtin.command": {"cmd": command}, "when": last}]))
    return {"raft_logstore_post_tasks_file": str(tasks), "raft_logstore_gate_timeout": 6}
