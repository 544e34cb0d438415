# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is it worth it? The sentences, and where one turns into the other."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._assess.figures import Figures, Times
from ansible_collections.raftops.nomad.plugins.module_utils._assess.verdict import Known, of_cluster, verdict

MIB = 1 << 20


def known(host: str = "s1", backend: str = "boltdb", synced: Any = None, **figures: Any) -> Known:
    given = {"commits_per_s": 0.2, "freelist_bytes": 100_000, "store": Times(12, 0.8, 1.0), **figures}
    return Known(host, backend, Figures(**given), synced)


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        ({}, "little to gain: 0.2 writes a second, freelist 98 KB."),
        ({"freelist_bytes": 48 * MIB}, "worth it: each commit rewrites 48 MB of freelist."),
        ({"freelist_bytes": MIB - 1}, "little to gain: 0.2 writes a second, freelist 1024 KB."),
        ({"commits_per_s": 42.6}, "some gain: 43 writes a second, each takes 0.80 ms and would take about half."),
        ({"commits_per_s": 9.9}, "little to gain: 9.9 writes a second, freelist 98 KB."),
        ({"commits_per_s": 200.0}, "worth it: its store is writing 16 % of the time."),
        ({"store": Times(1, 12.0, 30.0)}, "worth it: storing an entry takes 12 ms."),
        (
            {"store": Times(1, 12.0, 30.0), "synced": 4.0, "freelist_bytes": 2 * MIB},
            "worth it: each commit rewrites 2.0 MB of freelist, storing an entry takes 12 ms, of which the disk needs "
            "4.0 for each flush.",
        ),
        ({"backend": "wal"}, "nothing to gain: it is on wal already."),
        ({"commits_per_s": None}, "not known: its agent shows no metrics of Raft."),
    ],
)
def test_the_sentence_has_its_reasons(figures: dict[str, Any], sentence: str) -> None:
    assert verdict(known(**figures), "wal").sentence() == sentence


def test_a_freelist_that_is_not_written_costs_nothing() -> None:
    one = known(freelist_bytes=48 * MIB)._replace(no_freelist_sync=True)
    assert verdict(one, "wal").gain == "little to gain"


def test_the_way_back_gains_nothing() -> None:
    assert verdict(known(backend="wal"), "boltdb").gain == "nothing to gain"


def test_the_cluster_is_as_slow_as_the_server_with_most_to_gain() -> None:
    three = [known("s1"), known("s2", freelist_bytes=48 * MIB), known("s3", backend="wal")]
    assert of_cluster(three, "wal").sentence() == "worth it on s2: each commit rewrites 48 MB of freelist."
    assert of_cluster(three[2:] * 3, "wal").sentence() == "nothing to gain: all servers are on wal already."


def test_the_answer_names_the_server_that_is_meant_and_why() -> None:
    def answer(*servers: Known) -> str:
        return of_cluster(servers, "wal").answer()

    big, unread = {"freelist_bytes": 48 * MIB}, known("s2", commits_per_s=None)
    assert answer(known("s1"), known("s2", **big)) == (
        "Worth it? Yes. s2 has most to gain: each commit rewrites 48 MB of freelist."
    )
    assert answer(known("s1")) == "Worth it? Hardly: 0.2 writes a second, freelist 98 KB."
    assert answer(known("s1"), unread) == "Worth it? Not known. s2: its agent shows no metrics of Raft."
    assert answer(known("s1", backend="wal")) == "Worth it? No: all servers are on wal already."


def test_of_several_alike_the_slowest_is_named() -> None:
    busy = [known(f"s{n}", commits_per_s=20.0, store=Times(9, float(n), 9.0)) for n in (1, 3, 2)]
    assert of_cluster(busy, "wal").host == "s3"


def test_one_that_is_not_known_may_be_the_one_with_most_to_gain() -> None:
    unknown = known("s2", commits_per_s=None)._replace(unknown="no answer: refused")
    told = "not known on s2: no answer: refused."
    assert of_cluster([known("s1"), unknown], "wal").sentence() == told, "not that there is little to gain"
    assert of_cluster([unknown, known("s3", backend="wal")], "wal").sentence() == told
    assert of_cluster([unknown, known("s1", commits_per_s=20.0)], "wal").gain == "some gain"
