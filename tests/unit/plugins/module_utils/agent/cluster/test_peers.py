# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two Raft configurations compared: what differs is named, each server once."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.peers import difference

A, B, C = ("a", "10.0.0.1:4647", True), ("b", "10.0.0.2:4647", True), ("c", "10.0.0.3:4647", False)


def test_the_same_in_another_order_is_no_difference() -> None:
    assert difference([A, B, C], [C, A, B]) == ""


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ([A], "it lacks the voter b (10.0.0.2:4647), it lacks the non-voter c (10.0.0.3:4647)"),
        ([A, B, C, ("d", "x:1", False)], "it has the non-voter d (x:1) that the leader has not"),
        (
            [A, B, ("c", "10.0.0.3:4647", True)],
            "it has the voter c (10.0.0.3:4647) where the leader has the non-voter c (10.0.0.3:4647)",
        ),
        (
            [A, ("b", "10.0.0.9:4647", True), C],
            "it has the voter b (10.0.0.9:4647) where the leader has the voter b (10.0.0.2:4647)",
        ),
        ([], "it knows no server at all"),
    ],
)
def test_what_differs_is_named(own: list[tuple[str, str, bool]], told: str) -> None:
    assert difference(own, [A, B, C]) == told
