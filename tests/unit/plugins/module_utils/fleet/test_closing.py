# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said at the end."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._fleet import states
from ansible_collections.raftops.nomad.plugins.module_utils._fleet.closing import command, interrupted, verdict


def run(**known: dict[str, Any]) -> dict[str, Any]:
    return {"clusters": sorted(known), "states": known, "command": "ansible-playbook fleet"}


def test_after_a_failure_the_way_on_is_said() -> None:
    failed = {"state": states.FAILED, "line": "s1 is not back.", "log": "/logs/b"}
    lines = verdict(run(a={"state": states.ROLLED}, b=failed, c={"state": states.ROLLS}))
    assert lines == [
        "3 clusters: 1 failed, 1 to roll, 1 rolled.",
        "failed: b",
        "to roll: c",
        "rolled: a",
        "b failed: s1 is not back.",
        "  /logs/b",
        "Repair what has failed, then go on with the same command:",
        "  ansible-playbook fleet",
    ]


def test_when_all_is_done_nothing_is_left_to_do() -> None:
    assert verdict(run(a={"state": states.ROLLED})) == ["1 cluster: 1 rolled.", "rolled: a"]


def test_two_hundred_names_are_not_all_shown() -> None:
    lines = verdict(run(**{f"c{number:03}": {"state": states.ROLLED} for number in range(200)}))
    assert len(lines) < 10 and all(len(line) <= 78 for line in lines) and "and 180 more" in " ".join(lines)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("a=b c", "'a=b c'"),
        ("my_password=x y", "my_password=..."),
        ('{"a_token": "s"}', "'{\"a_token\": ...'"),
        ("api_key=x y", "api_key=..."),
        ("{'vault_key': 's'}", """'{'"'"'vault_key'"'"': ...'"""),
        ("ansible_ssh_private_key_file=/x", "ansible_ssh_private_key_file=/x"),
        ("raft_fleet_token_env=EU", "raft_fleet_token_env=EU"),
        ("--vault-password-file=/x", "--vault-password-file=/x"),
    ],
)
def test_the_command_can_be_pasted_and_tells_no_secret(given: str, told: str) -> None:
    assert command(["/opt/bin/ansible-playbook", "-e", given]) == f"ansible-playbook -e {told}"


def test_after_ctrl_c_it_is_said_what_goes_on_and_what_has_not_begun() -> None:
    rolls, rolled = {"state": states.ROLLS}, {"state": states.ROLLED}
    assert interrupted(run(a=rolled, b={"state": states.ROLLING}, c=rolls, d=rolls)) == [
        "",
        "Interrupted. What is under way goes on by itself; nothing else begins.",
        "4 clusters: 1 rolling, 2 to roll, 1 rolled.",
        "rolling, goes on by itself: b",
        "to roll, not begun: c, d",
        "rolled: a",
        "Go on with the same command. It waits for what is under way, then plans all anew:",
        "  ansible-playbook fleet",
    ]
    assert interrupted(run(a=rolls))[1:2] + interrupted(run(a=rolls))[-2:] == [
        "Interrupted. Nothing is under way, and nothing else begins.",
        "Go on with the same command:",
        "  ansible-playbook fleet",
    ]
