# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role concludes about one server from what it has read, before anything is stopped. Rendered by Ansible."""

from __future__ import annotations

from typing import Any

import pytest
from support.role import AGENT, COMMANDS, CONFIG, UNIT, condition, tasks, templar, value


def seen(name: str, down: bool = True, **store: Any) -> Any:
    """One of the things that read.yml concludes about a server that is on the WAL, and configured so."""
    (task,) = [task for task in tasks("read.yml") if task["name"] == "Put together what was read"]
    found = {"state": "wal", "interrupted": False, "held": None, "guarded": False, "in_use": False, **store}
    read = {"raft_logstore_agent": {"answered": not down, "down": down, "error": "no answer: refused. Check that."}}
    known = {"raft_logstore_store": found, "raft_logstore_config": {"previous_backend": "wal"}, **read}
    return templar(**known).template(task["vars"]["raft_logstore_seen"][name])


def test_a_server_that_is_down_counts_as_ours_by_what_a_roll_leaves_and_never_while_it_runs_elsewhere() -> None:
    """A guarded WAL that a process has open is an agent at another address: nobody has left it down."""
    assert not seen("ours")
    assert seen("ours", guarded=True) and not seen("ours", guarded=True, in_use=True)
    for left in {"interrupted": True}, {"held": {"origin": "me"}}, {"state": "boltdb"}:
        assert seen("ours", in_use=True, **left), left
    assert "Check that. Its store is in use, so the agent seems to run: wait " in seen("error", in_use=True)
    assert seen("error") == "no answer: refused. Check that"


@pytest.mark.parametrize("missing", sorted(COMMANDS))
def test_each_missing_command_is_named_before_anything_is_stopped(missing: str) -> None:
    read: dict[str, Any] = {"raft_logstore_agent": AGENT, "raft_logstore_config": CONFIG}
    commands = {name: command for name, command in COMMANDS.items() if name != missing}
    (obstacle,) = value("raft_logstore_obstacles", raft_logstore_service_manager="command", **commands, **read)
    assert obstacle == f"set {missing}"
    assert value("raft_logstore_obstacles", raft_logstore_service_manager="command", **COMMANDS, **read) == []
    assert value("raft_logstore_obstacles", **read) == []


@pytest.mark.parametrize(("flag", "leaving", "staying"), [("interrupt", "2", "15"), ("terminate", "15", "2")])
@pytest.mark.parametrize("told_by", ["file", "agent"])
def test_a_server_that_would_leave_at_its_stop_is_an_obstacle(
    flag: str, leaving: str, staying: str, told_by: str
) -> None:
    name = f"leave_on_{flag}"
    config, agent = {**CONFIG["agent"], name: told_by == "file"}, {**AGENT["agent"], name: told_by == "agent"}  # type: ignore[dict-item]
    read = {"raft_logstore_agent": {**AGENT, "agent": agent}, "raft_logstore_config": {"agent": config}}

    def found(shown: str) -> list[str]:
        return list(value("raft_logstore_obstacles", raft_logstore_unit={"stdout": shown}, **read))

    assert name in found(UNIT.format(leaving, "-config /etc/nomad.d"))[0]
    assert name in found("")[0], "the signal of a command is not known"
    assert name in found(UNIT.format(staying, "-config /etc/nomad.d") + "\nExecStop={ path=/bin/kill ; }")[0]
    assert found(UNIT.format(staying, "-config /etc/nomad.d")) == []


def test_a_silent_agent_is_an_obstacle_and_a_stopped_one_is_not() -> None:
    silent = {"answered": False, "down": False, "error": "403", "agent": None}
    (obstacle,) = value("raft_logstore_obstacles", raft_logstore_agent=silent, raft_logstore_config=CONFIG)
    assert "not known to be stopped: 403" in obstacle
    stopped = {**silent, "down": True}
    assert value("raft_logstore_obstacles", raft_logstore_agent=stopped, raft_logstore_config=CONFIG) == []


@pytest.mark.parametrize("name", ["nomad", "nomad.service"])
def test_the_drop_in_is_in_the_directory_of_the_unit(name: str) -> None:
    path = value("raft_logstore_drop_in", raft_logstore_service_name=name)
    assert path == "/run/systemd/system/nomad.service.d/90-raft-logstore.conf"


@pytest.mark.parametrize(
    ("raft_dir", "root"),
    [("/opt/nomad/server/raft", "/opt/nomad"), ("/srv/own/raft", "/srv/own"), ("/opt/raft/server/raft", "/opt/raft")],
)
def test_modules_are_given_the_directory_above_what_the_service_user_owns(raft_dir: str, root: str) -> None:
    config = {"agent": {"raft_dir": raft_dir}}
    assert value("raft_logstore_data_root", raft_logstore_config=config) == root
    assert value("raft_logstore_data_root", raft_logstore_config=config, raft_logstore_data_dir="/else") == "/else"


@pytest.mark.parametrize(
    ("arguments", "paths", "literal"),
    [
        ("-config /etc/nomad.d -config=/etc/extra.hcl", ["/etc/nomad.d", "/etc/extra.hcl"], True),
        ('-config "/etc/nomad d"', ['"/etc/nomad'], False),
        ("-config='/etc/nomad d'", ["'/etc/nomad"], False),
        ("-config $DIR", ["$DIR"], False),
        (r"-config /etc/nomad\x20d", [r"/etc/nomad\x20d"], False),
        ("-dev", [], False),
    ],
)
def test_config_arguments_are_taken_from_the_unit_only_when_they_are_plain(
    arguments: str, paths: list[str], literal: bool
) -> None:
    unit = {"raft_logstore_unit": {"stdout": UNIT.format("2", arguments)}}
    assert value("raft_logstore_paths", **unit) == paths
    assert all(condition("read.yml", "The agent's configuration is known", **unit)) is literal
    given = {**unit, "raft_logstore_config_path": ["/etc/it's"]}
    assert all(condition("read.yml", "The agent's configuration is known", **given))


def test_an_answer_of_another_server_is_refused() -> None:
    read = {"raft_logstore_agent": {"answered": True, "agent": {"id": "id-s1"}}}
    for node_id, right in ("id-s1", True), ("id-s2", False), (None, False):
        disk = {"raft_logstore_disk": {"raft_store": {"node_id": node_id}}}
        assert all(condition("read.yml", "The agent that answers", **read, **disk)) is right


@pytest.mark.parametrize(("size", "legal"), [(1, True), (2047, True), (0, False), (2048, False), (4096, False)])
def test_a_segment_size_that_breaks_a_running_wal_is_refused_before_a_stop(size: int, legal: bool) -> None:
    assert all(condition("read.yml", "The segment size is one", raft_logstore_wal_segment_size=size)) is legal


@pytest.mark.parametrize(
    ("stable_for", "wait_timeout", "fine"), [("9", "10", True), (10, "10", False), (30, 120, True)]
)
def test_a_server_must_have_the_time_to_stay_back(stable_for: Any, wait_timeout: Any, fine: bool) -> None:
    given = {"raft_logstore_stable_for": stable_for, "raft_logstore_wait_timeout": wait_timeout}
    assert condition("read.yml", "There is time to see that a server stays back", **given) == [fine]
