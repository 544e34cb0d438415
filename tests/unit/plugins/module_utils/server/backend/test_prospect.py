# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server is like before, what would be done, and what prevents it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError, ConfigError
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.prospect import look
from support.agent_server import plain


def test_a_server_that_can_be_brought_over(host: Any) -> None:
    found = look(host.subject(), host.run)
    assert found.seen == ("boltdb", "boltdb", "boltdb", False) and found.obstacles == [] and not found.is_done
    assert found.configuration["changed_files"] == [str(host.config / "raft_logstore.hcl")]
    assert found.conversion is not None and found.conversion["changed"] and found.conversion["backend"] == "wal"
    assert [one["after_header"].rsplit("/", 1)[1] for one in found.differences()] == ["raft_logstore.hcl", "raft"]
    assert len(found.plan) == 7 and host.configuration().keys() == {"nomad.hcl"}


def test_in_check_mode_the_configuration_counts_as_changed_and_nobody_is_warned(host: Any) -> None:
    found = look(host.subject(), host.run)
    assert found.conversion is not None and found.outcome is not None and found.outcome.warnings == []


def test_one_that_is_there_already(host: Any) -> None:
    assert look(host.subject(backend="boltdb"), host.run).is_done
    assert look(host.subject(backend="wal", state="returned"), host.run).is_done
    host.runs_on("wal")
    assert not look(host.subject(backend="boltdb"), host.run).is_done


def test_one_whose_store_can_be_copied(host: Any) -> None:
    found = look(host.subject(backend="boltdb", state="copied"), host.run)
    assert found.obstacles == [] and not found.is_done
    assert found.plan[2] == "copy the store to where raft_rehearse finds it" and len(found.plan) == 6
    assert found.planned.changes == [] and found.conversion is not None and not found.conversion["changed"]


def test_nothing_is_copied_of_a_server_that_would_not_come_back_as_it_is(host: Any) -> None:
    (found,) = look(host.subject(backend="wal", state="copied"), host.run).obstacles
    assert "not wholly on wal" in found


def test_where_there_is_no_room_for_a_rehearsal_nothing_is_copied(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Directory, "free_bytes", lambda _directory: 200 << 20)
    (found,) = look(host.subject(backend="boltdb", state="copied"), host.run).obstacles
    assert found.startswith("its store cannot be rehearsed: A rehearsal asks for ")


@pytest.mark.parametrize(
    "given, config, told",
    [
        ({"stop_command": ""}, "", "give stop_command"),
        ({}, "leave_on_terminate = true", "leave_on_terminate is true"),
        ({"stable_for": 3}, "", "it could never be back in time"),
        ({"log_file": "/nowhere/nomad.log"}, "", "The log file /nowhere/nomad.log is not there"),
        ({"backup_dir": "/nowhere/at/all"}, "", "its store cannot be brought to wal: "),
    ],
)
def test_what_stands_against_it(host: Any, given: dict[str, Any], config: str, told: str) -> None:
    (host.config / "more.hcl").write_text(config)
    (found,) = look(host.subject(**given), host.run).obstacles
    assert found.startswith(told) or told in found


@pytest.mark.parametrize(
    "given, config", [({"wal_segment_size": 2048}, ""), ({}, 'server { raft_logstore { backned = "wal" } }')]
)
def test_a_configuration_that_could_not_be_had_is_told_before_the_stop(
    host: Any, given: dict[str, Any], config: str
) -> None:
    (host.config / "more.hcl").write_text(config)
    with pytest.raises(ConfigError):
        look(host.subject(**given), host.run)


def test_what_the_agent_says_of_its_leaving_counts_too(host: Any) -> None:
    host.runs_on("boltdb", LeaveOnInt=True)
    assert "leave_on_interrupt is true" in look(host.subject(), host.run).obstacles[0]


def test_an_agent_that_lives_and_is_silent(host: Any) -> None:
    host.api.on("/v1/agent/self", plain(500, "no"))
    assert "is not known to be stopped" in look(host.subject(), host.run).obstacles[0]
    assert look(host.subject(repair=True), host.run).obstacles == []
    host.api.close()
    assert look(host.subject(), host.run).obstacles == []  # nobody listens: it is down


def test_a_store_without_an_id_is_nobodys(host: Any) -> None:
    (host.raft.parent / "node-id").unlink()
    with pytest.raises(AgentError, match="there is no node-id"):
        look(host.subject(), host.run)
