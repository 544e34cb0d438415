# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commit costs before and after, although another server leads then."""

from __future__ import annotations

from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._record.build import build
from ansible_collections.raftops.nomad.plugins.module_utils._record.page import latency
from support.records import stories
from support.records.reading import read, rows

COMMIT, DISPATCH = "nomad.raft.commitTime", "nomad.raft.leader.dispatchLog"
STORE = "nomad.raft.rpc.appendEntries.storeLogs"
# From the agents of a roll of three servers. The new leader has no figure as a follower.
BEFORE = {"s3": {STORE: 1.797}, "s2": {DISPATCH: 1.916, COMMIT: 5.447}, "s1": {STORE: 2.902}}
AFTER = {"s1": {DISPATCH: 0.531, COMMIT: 1.753}, "s3": {STORE: 0.619}}


def of(before: Any, after: Any) -> dict[str, Any]:
    return {"latency": {"before": before, "after": after}}


def told(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["metric"]: row for row in rows(read(latency.table(record)))}


def test_the_leader_before_is_compared_with_the_leader_after() -> None:
    assert latency.figure(of(BEFORE, AFTER)) == [("5.45 \u2192 1.75 ms", "nomad.\u200braft.\u200bcommitTime")]
    row = told(of(BEFORE, AFTER))[DISPATCH]
    assert (row["read on, before"], row["before"]) == ("s2", "1.92 ms")
    assert (row["read on, after"], row["after"]) == ("s1", "0.53 ms")


def test_of_the_followers_it_is_the_mean() -> None:
    row = told(of(BEFORE, AFTER))[STORE]
    assert (row["read on, before"], row["before"]) == ("s1, s3", "2.35 ms")
    assert (row["read on, after"], row["after"]) == ("s3", "0.62 ms")


def test_many_servers_are_counted() -> None:
    many = {f"s{number}": {STORE: float(number)} for number in range(1, 6)}
    row = told(of(many, AFTER))[STORE]
    assert (row["read on, before"], row["before"]) == ("5 servers, mean", "3.00 ms")


def test_what_was_read_only_once_is_no_figure_but_in_the_table() -> None:
    for record in of(BEFORE, None), of(BEFORE, {"s1": {STORE + "2": 1.0}}):
        assert latency.figure(record) == []
        assert (told(record)[COMMIT]["before"], told(record)[COMMIT]["after"]) == ("5.45 ms", "-")
    figure = latency.figure(of(BEFORE, {"s1": {STORE: 0.5}}))
    assert figure == [("2.35 \u2192 0.50 ms", STORE.replace(".", ".\u200b"))]


def test_in_a_roll_leadership_moves() -> None:
    row = told(build("x", stories.roll()))[COMMIT]
    assert (row["read on, before"], row["read on, after"]) == ("nomad-1", "nomad-2")


def test_without_a_look_there_is_nothing() -> None:
    assert latency.table(of(None, None)) == "" and latency.figure(of(None, None)) == []
