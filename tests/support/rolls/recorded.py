# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of playbooks that keep a record, and the record once it is known that it has no secret."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from support.cluster.cluster import Cluster
from support.rolls import playbooks

SUFFIXES = (".json", ".html", ".events.jsonl")
QUICK = {"raft_logstore_stable_for": 1, "raft_logstore_wait_timeout": 8, "raft_logstore_gate_timeout": 6}
Record = dict[str, Any]


def roll(
    cluster: Cluster,
    reports: Path,
    name: str = "",
    hosts: dict[str, dict[str, Any]] | None = None,
    playbook: str = "migrate",
    arguments: tuple[str, ...] = (),
    **variables: Any,
) -> subprocess.CompletedProcess[str]:
    """A run that keeps a record, with the token of the cluster."""
    given: dict[str, Any] = {"raft_logstore_report_dir": str(reports)}
    given.update({"raft_logstore_token": cluster.servers[0].token} if cluster.acl else {})
    given.update({"raft_logstore_report_name": name} if name else {})
    inventory = playbooks.write_inventory(cluster, hosts, **{**given, **QUICK, **variables})
    return playbooks.run(playbook, inventory, *arguments)


def kept(cluster: Cluster, reports: Path, name: str) -> Record:
    """NAME.json, once it is known that none of its files has the token."""
    token = str(cluster.servers[0].token)
    assert len(token) == 36
    for suffix in SUFFIXES:
        text = (reports / (name + suffix)).read_text()
        assert token not in text and token[:8] not in text, suffix
    found: Record = json.loads((reports / f"{name}.json").read_text())
    assert (found["schema"], found["name"], found["group"]) == (1, name, playbooks.GROUP)
    return found
