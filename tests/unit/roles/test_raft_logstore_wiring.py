# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's variables, rendered by Ansible in a play on three hosts: what was found and wanted reaches the filters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from support.paths import ROLE
from support.rolls import playbooks
from support.rolls.servers import facts

VARS = ROLE
AS_TEXT = ("pause_between=5", "take_over=false", "min_failure_tolerance=1", "allow_outage=false", "hold_autopilot=true")
EXPECTED = [
    "__raft_logstore_now.pauses",
    "__raft_logstore_now.stoppable.refusal == 'elsewhere has begun to convert it since the plan.'",
    "__raft_logstore_now.hosts == ['s1', 's2']",
    "__raft_logstore_now.interlock.refusal.startswith('Not looked at by this run: s3.')",
    "__raft_logstore_now.leadership.candidates == ['id-s2']",
    "__raft_logstore_now.voters == ['id-s1', 'id-s2']",
    "__raft_logstore_now.leadership.denied and __raft_logstore_now.unfinished",
    "__raft_logstore_now.hold_files.s1 == '/r/.raft-hold.json'",
    "'secret' not in __raft_logstore_servers | string",
    # How this host and another one are reached, each with its own token; what was said of one comes first.
    "__raft_logstore_api.items() | sort == [('host', '10.0.0.1'), ('port', 2), ('token', 'secret')]",
    "__raft_logstore_peer_api.items() | sort == [('host', '10.0.0.2'), ('port', 1), ('token', 'other')]",
    # One host has a name of its own, one is in a job of AWX, one in a job of its predecessor.
    "__raft_logstore_options.origin == 'prod'",
    "hostvars.s2.options.origin is none and hostvars.s2.options.job_template == 7",
    "hostvars.s3.options.job_template == 8",
]


def test_what_was_found_and_wanted_reaches_the_filters_also_as_text(tmp_path: Path) -> None:
    """From the command line (-e) and from an INI inventory all values are text, and `false` would be true."""
    view = {"leader": "id-s1", "voters": ["id-s1", "id-s2"], "servers": []}
    first = facts("s1", interrupted_by="elsewhere", view_planned=view, serial=2, raft_dir="/r")
    second = facts("s2", times={"stop": 1.0}, serial=3)
    older = {"api": {"host": "10.0.0.2", "port": 1}, "server": facts("s2", role="down", serial=1)}
    known: dict[str, dict[str, Any]] = {
        "s1": {
            "__raft_logstore_look": {"api": {"host": "10.0.0.1"}, "server": facts("s1", serial=1)},
            "__raft_logstore_begun": {"server": first}, "__raft_logstore_worked": {"failed": True},
            "raft_logstore_token": "secret", "raft_logstore_origin": "prod", "raft_logstore_port": 2,
        },
        "s2": {
            "__raft_logstore_look": older, "__raft_logstore_settled": {"server": second},
            "raft_logstore_token": "other", "awx_job_template_id": 7, "tower_job_template_id": 7,
        },
        "s3": {"tower_job_template_id": 8, "__raft_logstore_look": {"failed": True}},
    }  # fmt: skip
    hosts = {name: {"ansible_connection": "local", **found} for name, found in known.items()}
    said = [{"observation": {"agent": {"id": "id-s2", "backend": "boltdb"}}}]
    files = [str(VARS / "defaults" / "main.yml"), *map(str, sorted((VARS / "vars" / "main").glob("*.yml")))]
    play = {
        "hosts": "nomad_servers",
        "gather_facts": False,
        "serial": 1,
        "vars_files": files,
        "vars": {
            "__raft_logstore_others": {"results": said},
            "__raft_logstore_way": {"observation": {"autopilot": view}, "transfer": {"denied": True}},
            "__raft_logstore_hold": {"previous": True},
            "__raft_logstore_peer": "s2",
        },
        "tasks": [{"ansible.builtin.assert": {"that": EXPECTED}, "when": "inventory_hostname == 's1'"}],
    }
    keep = {"ansible.builtin.set_fact": {"options": "{{ __raft_logstore_options }}"}}
    kept = {"hosts": "nomad_servers", "gather_facts": False, "vars_files": files, "tasks": [keep]}
    inventory, playbook = tmp_path / "inventory.yml", tmp_path / "play.yml"
    inventory.write_text(yaml.safe_dump({"nomad_servers": {"hosts": hosts}}))
    playbook.write_text(yaml.safe_dump([kept, play]))
    run = playbooks.run(str(playbook), inventory, *(f"-eraft_logstore_{one}" for one in AS_TEXT))
    assert run.returncode == 0, run.stdout
