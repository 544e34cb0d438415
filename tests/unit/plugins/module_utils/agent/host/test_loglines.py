# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the log is read, and what is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host import loglines
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.loglines import Source
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Ran

LINES = """2026-11-22T10:47:50.123Z [INFO]  nomad: setting up raft WAL store
2026-11-22T10:47:51.123Z [ERROR] nomad.raft: failed to append to logs: error="segment is sealed"
"""
STARTED = 1795344470.0  # 10:47:50


def no_command(_command: Sequence[str]) -> Ran:
    raise AssertionError("nothing is to be run")


def test_a_file_comes_before_all_else(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(LINES)
    found = loglines.since(Source(str(tmp_path / "log"), "nomad", "status"), STARTED, no_command)
    assert found.lines == 2
    assert loglines.complaint(found).startswith("The agent's log has 1 error about the Raft store since its start")
    assert loglines.as_result(found)["errors"] == [LINES.splitlines()[1]]
    later = loglines.since(Source(str(tmp_path / "log")), STARTED + 60, no_command)
    assert (later.lines, loglines.complaint(later)) == (0, "")


def test_what_nobody_knows_is_a_warning_with_the_line(tmp_path: Path) -> None:
    new = '2026-11-22T10:47:52.123Z [ERROR] nomad.raft: failed to copy snapshot: error="connection reset by peer"'
    (tmp_path / "log").write_text(LINES.replace("[ERROR]", "[WARN] ") + new + "\n")
    found = loglines.since(Source(str(tmp_path / "log")), STARTED, no_command)
    assert loglines.complaint(found) == ""
    assert loglines.as_result(found)["unknown"] == [new]
    assert [warning.endswith(new) for warning in loglines.warnings(found)] == [True]
    assert loglines.warnings(loglines.since(Source(str(tmp_path / "log")), STARTED + 60, no_command)) == [
        loglines.SILENT
    ]


def test_the_journal_of_the_unit_then_the_command() -> None:
    asked = []

    def run(command: Sequence[str]) -> Ran:
        asked.append(list(command))
        return Ran(0, LINES, "")

    assert loglines.since(Source("", "nomad", "status now"), STARTED, run).lines == 2
    assert loglines.since(Source("", "", "status now"), STARTED, run).lines == 2
    assert asked[0][0] == "journalctl" and "--unit=nomad" in asked[0] and asked[1] == ["status", "now"]


def test_a_log_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match=r"No such file.* Give the file that the agent writes its log to"):
        loglines.since(Source(str(tmp_path / "none")), STARTED, no_command)
    with pytest.raises(AgentError, match="journalctl failed: no journal"):
        loglines.since(Source("", "nomad"), STARTED, lambda _command: Ran(1, "", "no journal"))
