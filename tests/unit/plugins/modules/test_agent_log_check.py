# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""agent_log_check: where the lines come from; which of them count is in agent/host/test_log.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host import loglines
from ansible_collections.raftops.nomad.plugins.modules import agent_log_check
from support.run_module import documented, run

LINES = """2026-11-25T12:00:00.000Z [INFO]  nomad: setting up raft WAL store: dir=/d
2026-11-25T12:00:01.000Z [ERROR] nomad.raft: failed to heartbeat to: peer=127.0.0.1:4647 error=EOF
2026-11-25T12:00:02.000Z [ERROR] nomad.wal: rotate error: err="too large"
"""
STARTED, LATER = 1795608000.0, 1795608002.5


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "nomad.log"
    path.write_text(LINES)
    return path


@pytest.mark.parametrize("kind", ["file", "command", "unit"])
def test_each_source(kind: str, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journalctl = log.parent / "journalctl"
    journalctl.write_text(
        f'#!/bin/sh\n[ "$*" = "--no-pager --output=cat --since=@1795608000 --unit=nomad" ] && cat {log}\n'
    )
    journalctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{log.parent}:/usr/bin:/bin")
    source: dict[str, Any] = {"file": str(log), "command": f"/bin/cat '{log}'", "unit": "nomad"}
    result = run(agent_log_check, since=STARTED, **{kind: source[kind]})
    assert set(result) - {"msg", "failed"} == documented(agent_log_check)
    assert result["failed"] and "1 error about the Raft store" in result["msg"] and "rotate error" in result["msg"]
    assert (result["lines"], len(result["errors"]), len(result["harmless"])) == (3, 1, 1)


def test_an_error_that_nobody_knows_does_not_fail(log: Path) -> None:
    log.write_text(LINES.replace("nomad.wal: rotate", "nomad.raft: a new"))
    result = run(agent_log_check, since=STARTED, file=str(log))
    assert not result.get("failed") and (result["errors"], len(result["unknown"])) == ([], 1)
    assert "a new error" in result["unknown"][0]


def test_nothing_since_the_start(log: Path) -> None:
    result = run(agent_log_check, since=LATER, file=str(log), check_mode=True)
    assert (result["changed"], result["lines"], result["errors"]) == (False, 0, [])


def test_only_the_end_of_a_large_file_is_read(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loglines, "MAX_LEN", len(LINES) // 2)
    assert run(agent_log_check, since=STARTED, file=str(log))["lines"] < 3


def test_a_log_that_cannot_be_read_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No such file" in run(agent_log_check, since=STARTED, file=str(tmp_path / "none"))["msg"]
    (tmp_path / "journalctl").write_text("#!/bin/sh\necho 'no journal' >&2\nexit 1\n")
    (tmp_path / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert "journalctl failed: no journal" in run(agent_log_check, since=STARTED, unit="nomad")["msg"]
