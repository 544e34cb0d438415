# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of /v1/metrics, as recorded and as no agent should give them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.metrics import parse_metrics
from support.metrics import bodies


def test_a_recorded_answer() -> None:
    found = parse_metrics(bodies("boltdb-leader")[1])
    assert found.began == "2026-11-30 15:15:50 +0000 UTC"
    assert found.gauges["nomad.raft.boltdb.freelistBytes"] == 56
    dispatch = found.sums["nomad.raft.leader.dispatchLog"]
    assert (dispatch.number, round(dispatch.total, 2), round(dispatch.highest, 2)) == (427, 327.19, 8.62)
    assert "nomad.nomad.broker.total_ready" not in found.gauges, "it is not Raft's"


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {"Timestamp": 1},
        {"Timestamp": "t", "Gauges": {}},
        {"Timestamp": "t", "Gauges": ["nomad.raft.x"]},
        {"Timestamp": "t", "Gauges": [{"Name": "nomad.raft.x", "Value": "1"}]},
        {"Timestamp": "t", "Samples": [{"Name": "nomad.raft.x", "Count": True, "Sum": 1, "Max": 1, "Rate": 1}]},
    ],
)
def test_a_wrong_answer_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="is "):
        parse_metrics(wrong)


def test_a_young_agent_has_nothing_yet() -> None:
    assert parse_metrics({"Timestamp": "t", "Gauges": None}).gauges == {}
