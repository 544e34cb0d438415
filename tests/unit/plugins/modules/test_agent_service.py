# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""agent_service: the commands, the proof that the store is let go of, and its times."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.modules import agent_service
from support.run_module import documented, run
from support.stores.builder import nomad_store


@pytest.fixture
def raft(tmp_path: Path) -> Path:
    return nomad_store("follower", tmp_path)


def test_stop_start_and_what_it_documents(raft: Path, tmp_path: Path) -> None:
    before, clock = time.time(), time.monotonic()
    for state in "stopped", "started":
        given = {"manager": "command", "command": f"/bin/touch '{tmp_path}/{state} now'", "data_dir": str(raft)}
        result = run(agent_service, state=state, **given)
        assert set(result) == documented(agent_service) | {"changed"}
        assert result["changed"] and (tmp_path / f"{state} now").exists()
        assert before <= result["began_at"] <= time.time()
        assert clock - 0.001 <= result["began"] <= result["ended"] <= time.monotonic() + 0.001
        assert result["elapsed"] == pytest.approx(result["ended"] - result["began"], abs=0.002)


def test_a_stop_that_leaves_a_process_in_the_store_is_refused(raft: Path) -> None:
    """Here the stop command itself starts the process that has the store open, and waits for it."""
    started = f"sleep 30 < {raft}/raft.db > /dev/null 2>&1 & echo $! > {raft.parent}/pid"
    command = f"/bin/sh -c '{started}; until grep -q sleep /proc/$!/comm; do :; done'"
    result = run(agent_service, state="stopped", manager="command", command=command, data_dir=str(raft), wait_timeout=1)
    pid = int((raft.parent / "pid").read_text())
    assert result["failed"] and f"in use by PID {pid} (sleep)" in result["msg"]
    stop = f"/bin/sh -c 'kill {pid}'"
    assert run(agent_service, state="stopped", manager="command", command=stop, data_dir=str(raft))["changed"]


def test_a_failing_command_is_told(raft: Path) -> None:
    result = run(agent_service, state="stopped", manager="command", command="/bin/false", data_dir=str(raft))
    assert result["failed"] and "the stop command ended with exit code 1" in result["msg"]


def test_check_mode_runs_nothing(raft: Path, tmp_path: Path) -> None:
    command = f"/bin/touch {tmp_path}/ran"
    for state in "stopped", "started":
        result = run(
            agent_service, state=state, manager="command", command=command, data_dir=str(raft), check_mode=True
        )
        assert result["changed"] and not (tmp_path / "ran").exists()


def test_what_is_needed() -> None:
    assert "command" in run(agent_service, state="started", manager="command")["msg"]
    assert "data_dir" in run(agent_service, state="stopped", manager="command", command="/bin/true")["msg"]
