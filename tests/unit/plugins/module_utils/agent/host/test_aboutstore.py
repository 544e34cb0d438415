# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error that these versions of Raft, its stores and Nomad can log, and a few that nobody has seen."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.aboutstore import judge
from support.recordings import log_lines

LINES = log_lines()


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.place} {line.verdict}")
def test_a_line_of_the_sources(line: tuple[str, str, str, str]) -> None:
    verdict, logger, text, _place = line
    assert judge(logger, text) == {"other": ""}.get(verdict, verdict)


@pytest.mark.parametrize(
    ("logger", "text", "verdict"),
    [
        ("nomad.raft", "failed to frobnicate: error=EOF", "unknown"),
        ("nomad.raft.observer", "something new", "unknown"),
        ("nomad", "failed to reach the raft moon", "unknown"),
        # of a logger that only the store uses, whatever a later version may say
        ("nomad.wal", "cannot write meta", "store"),
        ("nomad.raft.snapshot", "failed to reap", "store"),
        # an append that was refused, whoever tells it
        ("nomad", 'failed to reconcile: error="unable to store logs within log store, err: EIO"', "store"),
        ("nomad.raft", 'failed to wait: error="unable to store logs within log store, err: EIO"', "store"),
        # the tags of a member have the word raft, too
        ("nomad", "failed to reconcile member: member=map[raft_vsn:3] error=EOF", ""),
        # the state machine and the operator's archive are not the store
        ("nomad.fsm", "UpsertJob failed: error=EOF", ""),
        ("nomad.operator.snapshot", "Failed to clean up temp snapshot: error=EOF", ""),
        ("nomad.autopilot", "failed to remove raft server: error=EOF", ""),
        ("agent", "server leave failed: error=EOF", ""),
    ],
)
def test_other_lines(logger: str, text: str, verdict: str) -> None:
    assert judge(logger, text) == verdict
