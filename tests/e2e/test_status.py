# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status playbook: one table, of healthy and of sick clusters, that fits a terminal of 100 columns."""

from __future__ import annotations

import re
from typing import Any

from support.rolls import playbooks


def table(output: str) -> list[str]:
    """The lines of the table, without what Ansible puts around them."""
    lines = [re.sub(r"^\s*(- )?", "", line) for line in output.splitlines()]
    start = next(number for number, line in enumerate(lines) if line.startswith("server "))
    return lines[start : start + 4]


def test_status_of_a_cluster_with_a_server_down(make_cluster: Any) -> None:
    cluster = make_cluster()
    inventory = playbooks.write_inventory(cluster)
    leader, (down, up) = cluster.leader(), cluster.followers()
    strict = ("-e", "raft_logstore_status_strict=true")
    healthy = playbooks.run("status", inventory, *strict)
    down.stop()
    sick, failed = playbooks.run("status", inventory), playbooks.run("status", inventory, *strict)

    assert "3 servers: 3 on boltdb. All is well." in healthy.stdout
    serves = "The cluster still serves (2 of 3 voters), but cannot lose another."
    last = f"3 servers: 2 on boltdb, 1 down. {serves} Look at {down.name} (down)."
    assert all(last in " ".join(run.stdout.split()) for run in (sick, failed)) and failed.returncode != 0
    assert healthy.returncode == sick.returncode == 0, healthy.stdout + sick.stdout
    rows = {line.split()[0]: line for line in table(healthy.stdout)[1:]}
    assert re.search(r"leader +healthy +\S+ +boltdb +boltdb +boltdb +\d+", rows[leader.name])
    assert re.search(r"follower +healthy +\S+ +boltdb +boltdb +boltdb +\d+", rows[down.name])
    rows = {line.split()[0]: line for line in table(sick.stdout)[1:]}
    assert re.search(r"down .* - +boltdb +boltdb +-", rows[down.name])
    assert re.search(r"follower .* boltdb", rows[up.name])
    assert len(healthy.stdout.splitlines()) <= 36, healthy.stdout
    assert all(len(line) <= 80 for line in table(healthy.stdout) + table(sick.stdout))
