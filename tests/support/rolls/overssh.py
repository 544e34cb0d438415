# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of a test cluster as hosts reached by real ssh (sshd.py), and which module takes a server out."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.cluster.cluster import Cluster
from support.rolls import playbooks
from support.rolls.delayline import LongWay
from support.rolls.sshd import Hosts, Request


@contextlib.contextmanager
def reached(names: list[str], root: Path, way: LongWay | None = None) -> Iterator[tuple[Hosts, dict[str, Any]]]:
    """Hosts of these names that are reached by ssh, and for each the variables by which Ansible does so."""
    hosts = Hosts(names, root, way)
    control = tempfile.mkdtemp(prefix="cp")  # the path of a socket must be short
    try:
        yield hosts, hosts.variables(control)
    finally:
        hosts.close()
        shutil.rmtree(control, ignore_errors=True)


@contextlib.contextmanager
def hosts_of(cluster: Cluster, way: LongWay | None = None, **start_commands: str) -> Iterator[tuple[Hosts, Path]]:
    """The servers as hosts reached by ssh, and an inventory of them. Some may have a start command of their own."""
    with reached([server.name for server in cluster.servers], cluster.root, way) as (hosts, variables):
        for name, command in start_commands.items():
            variables[name]["raft_logstore_start_command"] = command
        yield hosts, playbooks.write_inventory(cluster, variables, raft_logstore_gate_timeout=60)


LINKS = {
    "loopback": ("-e", "ansible_connection=local"),
    "150 ms": ("-e", "ansible_pipelining=true"),
    "150 ms, without pipelining": ("-e", "ansible_pipelining=false"),
}
"""Ways to the hosts of one inventory, as flags of an `ansible` command. Without pipelining is how sudo's requiretty has
it: each module is a file that is sent first."""
ROUND_TRIP_S = 0.15


def takes_out(request: Request) -> bool:
    """Whether it takes a server out of the cluster and brings it back."""
    return request.module == "server_backend" and not request.is_check
