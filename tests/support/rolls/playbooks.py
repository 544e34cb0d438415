# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's playbooks against a test cluster, as a user would: an inventory file and ansible-playbook.

Three inventory hosts on a local connection, one for each server, with serverctl.py as the service manager. Asserts
nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from support.cluster.cluster import Cluster
from support.cluster.server import Server
from support.paths import BUILD, CHECKOUT, PLAYBOOKS, SUPPORT

SERVERCTL = SUPPORT / "cluster/serverctl.py"
GROUP = "nomad_servers"
SYSTEM_PYTHON = Path("/usr/bin/python3")
HOST_PYTHON = str(SYSTEM_PYTHON) if SYSTEM_PYTHON.exists() else sys.executable
"""What runs the modules: a managed host has the system's Python and nothing else."""
TIMEOUT_S = 1800
ONE = ("-e", "raft_logstore_stop_after=1")
"""For a test of the plan: all servers are judged, and the rehearsal takes one through, at a third of the cost."""


def command_of(server: Server, verb: str) -> str:
    """The command that starts, stops or shows this server."""
    return f"{sys.executable} {SERVERCTL} {verb} {server.root}"


def host_variables(server: Server) -> dict[str, Any]:
    """What an inventory has to say about one server of a test cluster."""
    return {
        "raft_logstore_data_dir": str(server.data_dir),
        "raft_logstore_config_path": [str(server.config_dir)],
        "raft_logstore_host": server.address,
        "raft_logstore_port": server.http_port,
        "raft_logstore_log_file": str(server.log_path),
        **{f"raft_logstore_{verb}_command": command_of(server, verb) for verb in ("start", "stop", "status")},
    }


def write_inventory(cluster: Cluster, hosts: dict[str, dict[str, Any]] | None = None, **variables: Any) -> Path:
    """An inventory file in the cluster's directory.

    `variables` are group variables added to, or instead of, ours; `hosts` are those of single hosts, by name.
    """
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": HOST_PYTHON,
        "raft_logstore_service_manager": "command",
        "raft_logstore_snapshot_dest": str(cluster.root / "snapshots"),
        "raft_logstore_stable_for": 3,
        "raft_logstore_force": True,
        **variables,
    }
    given = hosts or {}
    known = {server.name: {**host_variables(server), **given.get(server.name, {})} for server in cluster.servers}
    path = cluster.root / "inventory.yml"
    path.write_text(yaml.safe_dump({GROUP: {"hosts": known, "vars": common}}, sort_keys=False))
    return path


def shipped(name: str) -> list[dict[str, Any]]:
    """The plays of a shipped playbook, to be run from elsewhere: what it imports is named by its collection."""
    plays: list[dict[str, Any]] = yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text())
    key = "ansible.builtin.import_playbook"
    return [{**play, key: f"raftops.nomad.{Path(play[key]).stem}"} if key in play else play for play in plays]


def tool(name: str) -> str:
    """Path of an Ansible program: beside the running Python, else from PATH."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else str(shutil.which(name))


def environment() -> dict[str, str]:
    """The caller's environment, without its Nomad variables, and with the collection found from the checkout."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NOMAD_")}
    clean["ANSIBLE_CONFIG"] = str(CHECKOUT / "ansible.cfg")
    clean["ANSIBLE_COLLECTIONS_PATH"] = str(BUILD)
    clean["ANSIBLE_HOST_PATTERN_MISMATCH"] = "error"
    return clean


def command(playbook: str, inventory: Path, *arguments: str) -> list[str]:
    """The command line that a user would type for one of the collection's playbooks."""
    return [
        tool("ansible-playbook"),
        playbook if playbook.endswith(".yml") else f"raftops.nomad.{playbook}",
        "-i",
        str(inventory),
        *arguments,
    ]


def run(playbook: str, inventory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one playbook to its end without a terminal; both outputs are in stdout."""
    return subprocess.run(
        command(playbook, inventory, *arguments),
        cwd=CHECKOUT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
