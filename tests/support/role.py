# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's variables and conditions, rendered by Ansible's own templating over facts that a test gives."""

from __future__ import annotations

from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from support.paths import ROLE

AGENT = {
    "answered": True,
    "down": False,
    "error": "",
    "agent": {"leave_on_interrupt": False, "leave_on_terminate": False},
}
CONFIG = {"agent": {"leave_on_interrupt": False, "leave_on_terminate": False, "raft_dir": "/opt/nomad/server/raft"}}
COMMANDS = {f"raft_logstore_{verb}_command": f"/bin/{verb}" for verb in ("start", "stop", "status")}
PEERS = [{"id": f"id-{name}", "address": f"{name}:4647", "voter": name != "s3"} for name in ("s1", "s2", "s3")]
UNIT = "KillSignal={}\nExecStart={{ path=/bin/nomad ; argv[]=/bin/nomad agent {} ; ignore_errors=no }}"


def templar(facts: dict[str, dict[str, Any]] | None = None, **variables: Any) -> Templar:
    """Ansible's view on s1, with these facts of each host of the group."""
    loader = DataLoader()
    shipped: dict[str, Any] = {}
    for path in [ROLE / "defaults" / "main.yml", *(ROLE / "vars" / "main").glob("*.yml")]:
        shipped |= loader.load_from_file(str(path), trusted_as_template=True)
    facts = facts or {}
    hostvars = {host: {"inventory_hostname": host, **given} for host, given in facts.items()}
    groups = {"nomad_servers": list(facts)}
    disk = {"raft_store": {"refusal": ""}}
    known = {**shipped, "groups": groups, "hostvars": hostvars, "inventory_hostname": "s1", "raft_logstore_disk": disk}
    known |= facts.get("s1", {})
    return Templar(loader=loader, variables={**known, **variables})


def value(name: str, facts: dict[str, dict[str, Any]] | None = None, **variables: Any) -> Any:
    """A variable of the role."""
    return templar(facts, **variables).template(trust_as_template("{{ " + name + " }}"))


def server(name: str, **read: Any) -> dict[str, Any]:
    """The facts of a healthy follower, and what was read instead."""
    seen = {"up": True, "down": False, "id": f"id-{name}", "rank": 3, "held": None, "peers": PEERS, "todo": True}
    return {"raft_logstore_server": {**seen, "role": "follower", **read}}


def three(**instead: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: instead.get(name, server(name)) for name in ("s1", "s2", "s3")}


def tasks(file: str) -> list[dict[str, Any]]:
    """The tasks of a file of the role, whose conditions may be rendered."""
    found: list[dict[str, Any]] = DataLoader().load_from_file(str(ROLE / "tasks" / file), trusted_as_template=True)
    return found


def condition(task_file: str, task_name: str, **variables: Any) -> list[bool]:
    """The conditions of an assert, each by itself."""
    (task,) = [task for task in tasks(task_file) if task["name"].startswith(task_name)]
    that = task["ansible.builtin.assert"]["that"]
    rendered = templar(**{**task.get("vars", {}), **variables})
    return [rendered.evaluate_expression(one) for one in ([that] if isinstance(that, str) else that)]
