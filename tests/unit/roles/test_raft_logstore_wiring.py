# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's variables, rendered by Ansible in a play on three hosts: what was found and wanted reaches the filters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from support.paths import ROLE
from support.rolls import playbooks
from support.rolls.roletext import parsed
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
    "'secret' not in __raft_logstore_servers | string",
    # One host has a name of its own, one is in a job of AWX, one in a job of its predecessor.
    "__raft_logstore_options.origin == 'prod'",
    "hostvars.s2.options.origin is none and hostvars.s2.options.job_template == 7",
    "hostvars.s3.options.job_template == 8",
]


def test_what_was_found_and_wanted_reaches_the_filters_also_as_text(tmp_path: Path) -> None:
    """From the command line (-e) and from an INI inventory all values are text, and `false` would be true."""
    view = {"leader": "id-s1", "voters": ["id-s1", "id-s2"], "servers": []}
    first = facts("s1", interrupted_by="elsewhere", view_planned=view)
    second = facts("s2", times={"stop": 1.0})
    known: dict[str, dict[str, Any]] = {
        "s1": {"raft_logstore_server": first, "raft_logstore_token": "secret", "raft_logstore_origin": "prod"},
        "s2": {"raft_logstore_server": second, "awx_job_template_id": 7, "tower_job_template_id": 7},
        "s3": {"tower_job_template_id": 8},
    }
    hosts = {name: {"ansible_connection": "local", **found} for name, found in known.items()}
    said = [{"observation": {"agent": {"id": "id-s2", "backend": "boltdb"}}}]
    files = [str(VARS / "defaults" / "main.yml"), *map(str, sorted((VARS / "vars" / "main").glob("*.yml")))]
    play = {
        "hosts": "nomad_servers",
        "gather_facts": False,
        "serial": 1,
        "vars_files": files,
        "vars": {"__raft_logstore_others": {"results": said}, "__raft_logstore_before": {"skipped": True}},
        "tasks": [{"ansible.builtin.assert": {"that": EXPECTED}, "when": "inventory_hostname == 's1'"}],
    }
    keep = {"ansible.builtin.set_fact": {"options": "{{ __raft_logstore_options }}"}}
    kept = {"hosts": "nomad_servers", "gather_facts": False, "vars_files": files, "tasks": [keep]}
    inventory, playbook = tmp_path / "inventory.yml", tmp_path / "play.yml"
    inventory.write_text(yaml.safe_dump({"nomad_servers": {"hosts": hosts}}))
    playbook.write_text(yaml.safe_dump([kept, play]))
    run = playbooks.run(str(playbook), inventory, *(f"-eraft_logstore_{one}" for one in AS_TEXT))
    assert run.returncode == 0, run.stdout


def test_what_an_interrupted_run_has_done_is_told_by_the_one_that_hears_of_it(tmp_path: Path) -> None:
    """s1 was finished while nobody was there, s2 is this run's own work, s3 has nothing to tell."""
    noted = parsed(ROLE / "tasks/main.yml")[-1]["vars"]
    earlier, own = (
        {"phases": {"total": 1.5}, "began_at": 7.5, "conversion": {"verified": 3}},
        {"phases": {"total": 2.5}},
    )
    skipped: dict[str, Any] = {"skipped": True}
    hosts = {
        "s1": {"__raft_logstore_worked": skipped, "__raft_logstore_heard": {"earlier": {"result": earlier}}},
        "s2": {"__raft_logstore_worked": own},
        "s3": {"__raft_logstore_worked": skipped, "__raft_logstore_heard": {"earlier": None}},
    }
    expected = {"s1": [{"total": 1.5}, 7.5, {"verified": 3}], "s2": [{"total": 2.5}, None, None], "s3": [None] * 3}
    inventory, playbook = tmp_path / "inventory.yml", tmp_path / "play.yml"
    known = {
        name: {"ansible_connection": "local", **found, "expected": expected[name]} for name, found in hosts.items()
    }
    inventory.write_text(yaml.safe_dump({"nomad_servers": {"hosts": known}}))
    seen = [
        f"__raft_logstore_noted.{name} == expected[{n}]" for n, name in enumerate(("times", "began_at", "converted"))
    ]
    task = {"ansible.builtin.assert": {"that": seen}, "vars": noted}
    playbook.write_text(yaml.safe_dump([{"hosts": "nomad_servers", "gather_facts": False, "tasks": [task]}]))
    run = playbooks.run(str(playbook), inventory)
    assert run.returncode == 0, run.stdout
