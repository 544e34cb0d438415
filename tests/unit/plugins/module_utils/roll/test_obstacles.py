# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands against the stop of one server, and what its user and its token may not do."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.obstacles import (
    Answers,
    immobile,
    lacks,
    obstacles,
    powerless,
)
from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options

FLAGS = {"leave_on_interrupt": False, "leave_on_terminate": False}
AGENT: dict[str, Any] = {"answered": True, "down": False, "error": "", "self": FLAGS}
READ = Answers(FLAGS, AGENT, "", "")
COMMANDS = {f"{verb}_command": f"/bin/{verb}" for verb in ("start", "stop", "status")}
LACKING = [
    {"capability": name, "purpose": f"for {name}", "path": f"/v1/{name}"}
    for name in ("agent:read", "operator:read", "operator:write", "management")
]


@pytest.mark.parametrize("missing", sorted(COMMANDS))
def test_each_missing_command_is_named_before_anything_is_stopped(missing: str) -> None:
    by_command = Options(service_manager="command", **COMMANDS)  # type: ignore[arg-type]
    (obstacle,) = obstacles(READ, by_command._replace(**{missing: ""}))  # type: ignore[arg-type]
    assert obstacle == f"set raft_logstore_{missing}"
    assert obstacles(READ, by_command) == ()
    assert obstacles(READ, Options()) == ()


@pytest.mark.parametrize(("flag", "leaving", "staying"), [("interrupt", "2", "15"), ("terminate", "15", "2")])
@pytest.mark.parametrize("told_by", ["file", "agent"])
def test_a_server_that_would_leave_at_its_stop_is_an_obstacle(
    flag: str, leaving: str, staying: str, told_by: str
) -> None:
    name = f"leave_on_{flag}"
    config, agent = {**FLAGS, name: told_by == "file"}, {**FLAGS, name: told_by == "agent"}

    def found(signal: str) -> tuple[str, ...]:
        return obstacles(Answers(config, {**AGENT, "self": agent}, "", signal), Options())

    assert f"it would leave the cluster at its stop: {name} is true and its unit" in found(leaving)[0]
    assert name in found("")[0], "the signal of a command is not known"
    assert found(staying) == ()


def test_a_silent_agent_is_an_obstacle_and_a_stopped_one_is_not() -> None:
    silent = {"answered": False, "down": False, "error": "403", "self": None}
    (obstacle,) = obstacles(READ._replace(agent=silent), Options())
    assert "not known to be stopped: 403" in obstacle
    assert obstacles(READ._replace(agent={**silent, "down": True}), Options()) == ()


def test_what_the_conversion_would_refuse_is_an_obstacle() -> None:
    refused = "/opt/raft: it needs 9 bytes, and 8 are free. Free some space. "
    (obstacle,) = obstacles(READ._replace(refused=refused), Options())
    expected = "its store cannot be brought to wal: /opt/raft: it needs 9 bytes, and 8 are free. Free some space"
    assert obstacle == expected
    assert "cannot be brought to boltdb: " in obstacles(READ._replace(refused=refused), Options(backend="boltdb"))[0]


def test_all_obstacles_are_told_together() -> None:
    read = READ._replace(refused="no space", config={**FLAGS, "leave_on_interrupt": True})
    assert len(obstacles(read, Options(service_manager="command"))) == 3


def test_a_token_needs_all_but_leadership_and_no_hold_where_none_is_wanted() -> None:
    needed = ("agent:read", "operator:read", "operator:write")
    assert lacks(LACKING, Options()) == ", ".join(f"{name} for {name} /v1/{name}" for name in needed)
    assert "operator:write" not in lacks(LACKING, Options(hold_autopilot=False))
    assert lacks(LACKING[3:], Options()) == "" and immobile(LACKING)
    assert lacks([], Options()) == "" and not immobile(LACKING[:3]), "without ACLs nothing is asked"


@pytest.mark.parametrize(
    ("uid", "manager", "unwritable", "words"),
    [
        (0, "systemd", [], ""),
        (1000, "systemd", [], "who may not stop a unit"),
        (0, "command", ["/a"], ""),
        (1000, "command", [], ""),
        (1000, "command", ["/a", "/b"], "may not write to /a, /b"),
    ],
)
def test_who_may_not_do_what_has_to_be_done_is_told_before_a_stop(
    uid: int, manager: str, unwritable: list[str], words: str
) -> None:
    found = powerless(uid == 0, "deploy", manager == "systemd", unwritable)
    assert (words in found and "the modules run as deploy" in found) if words else found == ""
