# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What recorded metrics come to. The writer that ran meanwhile wrote about 43 variables a second."""

from __future__ import annotations

import json
from typing import Optional

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.metrics import Metrics, Sum
from ansible_collections.raftops.nomad.plugins.module_utils._assess.figures import Figures, Times, figures, parse
from support.metrics import intervals

IDLE = {"nomad.raft.boltdb.freelistBytes": 56.0}


def ms(times: Optional[Times]) -> float:
    assert times is not None
    return times.mean_ms


@pytest.mark.parametrize("backend", ["boltdb", "wal"])
@pytest.mark.parametrize("role", ["leader", "follower"])
def test_the_rates_are_those_of_the_writer(backend: str, role: str) -> None:
    found = figures(intervals(f"{backend}-{role}"), backend)
    assert found.seconds == 30
    assert found.commits_per_s == found.entries_per_s == pytest.approx(43, abs=2)
    assert found.bytes_per_s is not None and 13_000 < found.bytes_per_s < 17_000


def test_on_the_wal_a_commit_costs_about_half() -> None:
    """The two clusters ran one after the other on the same machine, with the same writer."""
    slow, fast = (figures(intervals(f"{backend}-leader"), backend) for backend in ("boltdb", "wal"))
    assert ms(slow.dispatch) == pytest.approx(0.88, abs=0.1) and ms(fast.dispatch) == pytest.approx(0.42, abs=0.05)
    assert ms(slow.commit) > 1.5 * ms(fast.commit)
    slow, fast = (figures(intervals(f"{backend}-follower"), backend) for backend in ("boltdb", "wal"))
    assert ms(slow.store) > 2 * ms(fast.store)
    assert (slow.dispatch, slow.commit, slow.append) == (None, None, slow.store)


def test_only_boltdb_has_a_freelist() -> None:
    found = figures(intervals("boltdb-leader"), "boltdb")
    assert found.freelist_bytes is not None and found.freelist_bytes < 200 and found.free_bytes == 20480
    assert found.commit_bytes == pytest.approx(5 * 4096, rel=0.05), "five pages, the freelist's among them"
    on_wal = figures(intervals("wal-leader"), "wal")
    assert on_wal.freelist_bytes is None and on_wal.commit_bytes is None


def test_they_come_back_from_their_plain_values() -> None:
    found = figures(intervals("boltdb-leader"), "boltdb")
    assert parse(json.loads(json.dumps(found.values()))) == found
    assert parse({}) == Figures()


def test_without_writes_the_rates_are_0_and_the_times_unknown() -> None:
    found = figures([Metrics("t", IDLE, {})], "boltdb")
    assert (found.seconds, found.commits_per_s, found.append) == (10, 0, None)


def test_an_agent_that_hides_them_is_not_an_idle_one() -> None:
    """As with filter_default = false in its telemetry block."""
    assert figures([Metrics("t", {"nomad.raft.lastIndex": 7.0}, {})], "boltdb").commits_per_s is None
    assert figures([Metrics("t", {}, {})], "wal").commits_per_s is None


def test_intervals_may_have_another_length() -> None:
    sums = {"nomad.raft.boltdb.logsPerBatch": Sum(20, 60.0, 5.0, 2.0)}
    found = figures([Metrics("t", IDLE, sums)], "boltdb")
    assert (found.seconds, found.entries_per_s, found.commits_per_s) == (30, 2, pytest.approx(0.667, abs=0.001))
