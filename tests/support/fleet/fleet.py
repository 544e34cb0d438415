# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of stand-in clusters, and the playbook fleet run on it. Asserts nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import yaml
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetchild import alive
from support.paths import CHECKOUT, SUPPORT
from support.rolls import playbooks

STANDIN = SUPPORT / "fleet/standin.py"


class StandIns:
    """`names` clusters below `root`, each a file; see standin.py."""

    def __init__(self, root: Path, names: Sequence[str], seconds: float = 0.3, **variables: Any) -> None:
        self.root, self.names, self.seconds = root, list(names), seconds
        self.records = root / "records"
        self.clusters = root / "clusters"
        self.clusters.mkdir(parents=True)
        for name in names:
            self.set(name, "well")
        self.executable = root / "ansible-playbook"
        self.executable.write_text(f'#!/bin/sh\nexec {sys.executable} {STANDIN} "$@"\n')
        self.executable.chmod(0o755)
        self.inventory = root / "fleet.yml"
        self.write(**variables)

    def write(self, hosts: Optional[Dict[str, Dict[str, Any]]] = None, **variables: Any) -> None:
        """Write the inventory of the fleet; `hosts` has more variables of single clusters."""
        common = {
            "raft_fleet_dir": str(self.records),
            "raft_fleet_executable": str(self.executable),
            "raft_fleet_force": True,
            "raft_fleet_inventory": "clusters/{{ inventory_hostname }}",
            "raft_fleet_engine": "ansible-playbook",
            **variables,
        }
        given = {name: (hosts or {}).get(name, {}) for name in self.names}
        self.inventory.write_text(yaml.safe_dump({"fleet": {"hosts": given, "vars": common}}, sort_keys=False))

    def set(self, name: str, end: str, seconds: Optional[float] = None) -> None:
        """How the roll of this cluster ends from now on."""
        path = self.clusters / name
        new = path.with_suffix(".new")
        said = {"end": end, "seconds": self.seconds if seconds is None else seconds, "test": os.getpid()}
        new.write_text(json.dumps(said))
        new.rename(path)

    def calls(self, name: str, what: str = "migrate") -> List[Dict[str, Any]]:
        """What was called for this cluster, of one kind, in its order."""
        path = Path(f"{self.clusters / name}.calls")
        found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [call for call in found if call["what"] == what]

    def begun(self) -> List[str]:
        """The clusters whose roll has begun, in the order of their names in the fleet."""
        return [name for name in self.names if self.calls(name)]

    def rolled(self) -> List[str]:
        """The clusters that have been rolled."""
        return [name for name in self.names if Path(f"{self.clusters / name}.rolled").exists()]

    def run(self, *arguments: str, playbook: str = "fleet") -> subprocess.CompletedProcess[str]:
        """Run the playbook to its end."""
        return playbooks.run(playbook, self.inventory, *arguments)

    def start(self, *arguments: str, playbook: str = "fleet") -> subprocess.Popen[str]:
        """Start the playbook in a session of its own."""
        return subprocess.Popen(
            playbooks.command(playbook, self.inventory, *arguments),
            cwd=CHECKOUT,
            env=playbooks.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def alive(self) -> List[str]:
        """The clusters of which a child lives."""
        return [name for name in self.names if alive(str(self.records / "clusters" / name))]

    def last_run(self) -> Dict[str, Any]:
        """The record of the run that began last."""
        found: Dict[str, Any] = json.loads(max((self.records / "runs").glob("*.json")).read_text())
        return found
