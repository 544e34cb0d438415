# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role does about a server that has failed: variables and conditions, rendered by Ansible."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from support.paths import ROLE
from support.rolls.servers import facts


def templar(**variables: Any) -> Templar:
    """Ansible's view on s1 in the roll, with these variables."""
    loader = DataLoader()
    shipped: dict[str, Any] = {}
    for path in [ROLE / "defaults" / "main.yml", *(ROLE / "vars" / "main").glob("*.yml")]:
        shipped |= loader.load_from_file(str(path), trusted_as_template=True)
    hosts = ["s1", "s2", "s3"]
    known = {
        "groups": {"nomad_servers": hosts},
        "hostvars": {host: {"raft_logstore_server": facts(host)} for host in hosts},
        "inventory_hostname": "s1",
        "__raft_logstore_now": {"hold_note": ""},
    }
    return Templar(loader=loader, variables={**shipped, **known, **variables})


def value(name: str, **variables: Any) -> Any:
    """A variable of the role."""
    return templar(**variables).template(trust_as_template("{{ " + name + " }}"))


def condition(task_file: str, task_name: str, **variables: Any) -> bool:
    """The condition of an assert."""
    tasks = DataLoader().load_from_file(str(ROLE / "tasks" / task_file), trusted_as_template=True)
    (task,) = [task for task in tasks if task["name"].startswith(task_name)]
    return bool(templar(**variables).evaluate_expression(task["ansible.builtin.assert"]["that"]))


DROP_IN = "/run/systemd/system/nomad.service.d/90-raft-logstore.conf"


def left_behind(wanted: str, state: str, backend: str | None, in_use: bool, **more: Any) -> dict[str, Any]:
    """What diagnostics.yml leaves of a server that failed on its way to a backend."""
    return {
        "raft_logstore_backend": wanted,
        "raft_logstore_store_after": {"raft_store": {"state": state, "backend": backend, "in_use": in_use}},
        "raft_logstore_agent_after": {"answered": False},
        "raft_logstore_stopped": True,
        "raft_logstore_server": facts("s1", up=False, drop_in=DROP_IN),
        "raft_logstore_failed": {"task": "Start the agent", "message": "no"},
        **more,
    }


@pytest.mark.parametrize(
    ("state", "backend", "in_use", "to_wal", "to_boltdb"),
    [
        ("boltdb", "boltdb", False, "unswitched", "down"),
        ("boltdb", "boltdb", True, "unswitched", "down"),  # to wal: the stop failed, it runs on its old store
        ("both", "boltdb", False, "unswitched", "down"),
        ("both", None, False, "unknown", "unknown"),  # wal/ holds what raft.db holds, and may hold more
        ("both", "boltdb", True, "unknown", "unknown"),  # nobody has compared the two
        ("wal", "wal", False, "down", "unswitched"),
        ("wal", "wal", True, "down", "unswitched"),
        ("forked", None, False, "unknown", "unknown"),
    ],
)
def test_what_is_done_about_a_failed_server_depends_on_the_store_that_it_has(
    state: str, backend: str | None, in_use: bool, to_wal: str, to_boltdb: str
) -> None:
    for wanted, outcome in ("wal", to_wal), ("boltdb", to_boltdb):
        found = left_behind(wanted, state, backend, in_use)
        assert value("raft_logstore_unswitched", **found) is (outcome == "unswitched")
        assert value("raft_logstore_switched", **found) is (outcome == "down")
        assert value("raft_logstore_outcome", **found) == outcome


def test_a_person_is_told_what_failed_what_failed_again_and_what_keeps_the_server_stopped() -> None:
    def told(**more: Any) -> str:
        return str(value("raft_logstore_told | select | join(' ')", **left_behind("wal", "wal", "wal", False, **more)))

    again = {"task": "Convert the store", "message": "damaged"}
    both = told(raft_logstore_failed_again=again)
    assert both.startswith(
        "s1: Start the agent: no. It could not be brought back to boltdb: Convert the store: damaged. "
    )
    assert DROP_IN in both and both.endswith("No server after it was touched.")
    assert "brought back" not in told() and DROP_IN not in told(raft_logstore_service_manager="command")
    assert "It is back in the cluster as it was" in told(raft_logstore_put_back="returned")
    assert DROP_IN not in told(raft_logstore_put_back="returned")
    assert "This server was down before, and still is." in told(raft_logstore_stopped=False)
    assert value("raft_logstore_outcomes.values() | list", **left_behind("boltdb", "wal", "wal", False))


def test_a_person_is_told_what_is_left_in_force() -> None:
    held = {"hold_note": "Autopilot's removal of dead servers is off."}
    found = left_behind("wal", "wal", "wal", False, __raft_logstore_now=held)
    assert held["hold_note"] in value("raft_logstore_told", **found)


@pytest.mark.parametrize(
    ("switched", "in_use", "manager", "started"),
    [
        (False, False, "command", True),
        (False, True, "command", False),  # perhaps by the agent, which has not gone
        (False, True, "systemd", True),  # not by a second one: by a backup that is being made, say
        (True, True, "command", True),  # it was stopped once more
    ],
)
def test_a_failed_server_is_started_again_but_never_beside_itself(
    switched: bool, in_use: bool, manager: str, started: bool
) -> None:
    tasks = DataLoader().load_from_file(str(ROLE / "tasks" / "put_back.yml"), trusted_as_template=True)
    (start,) = [task for task in tasks if task["name"] == "Start the agent as it was"]
    known = {"raft_logstore_switched": switched, "raft_logstore_service_manager": manager}
    found = templar(raft_logstore_store_after={"raft_store": {"in_use": in_use}}, **known)
    assert found.evaluate_expression(start["when"]) is started


def test_a_second_roll_in_one_run_of_ansible_is_refused() -> None:
    first = "This is the first roll"
    assert condition("plan.yml", first) and condition("plan.yml", first, raft_logstore_server=facts("s1"))
    assert not condition("plan.yml", first, raft_logstore_server=facts("s1", done=True))
