# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches a cluster through everything a test does to it: a writer that keeps writing, and how many servers are alive.

Knows nothing of Ansible. What it has seen is checked at the end: no acknowledged write lost, at no moment fewer than a
majority of the servers alive.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from support.cluster.cluster import Cluster
from support.cluster.writer import Writer

SECONDS_BETWEEN_LOOKS = 0.05
SECONDS_BETWEEN_WRITES = 0.1


class Census:
    """Counts the servers whose process is alive, twenty times a second; `fewest` is the least there ever were."""

    def __init__(self, cluster: Cluster) -> None:
        self.fewest = len(cluster.servers)
        self._cluster = cluster
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(10)

    def _count(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_LOOKS):
            self.fewest = min(self.fewest, len(self._cluster.running()))


class Witness:
    """What is running beside the test: `writer`, with some ten writes a second, and `census`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        addresses = [(server.address, server.http_port) for server in cluster.servers]
        self.writer = Writer(addresses, pause_s=SECONDS_BETWEEN_WRITES).start()
        self.census = Census(cluster)

    def stop(self) -> None:
        self.census.stop()
        self.writer.stop()

    def testify(self) -> None:
        """Print the figures; fail when a write is lost or a majority of the servers was ever missing."""
        gap_s, at_s = self.writer.longest_gap_s, self.writer.longest_gap_at_s
        print(f"{len(self.writer.acknowledged)} writes, longest gap {gap_s:.2f} s (at {at_s:.0f} s)")
        assert self.census.fewest > len(self._cluster.servers) // 2
        assert self.writer.lost() == []


@contextlib.contextmanager
def witnessed(cluster: Cluster) -> Iterator[Witness]:
    """Watch while the body runs; check afterwards if it ended well."""
    witness = Witness(cluster)
    try:
        yield witness
    finally:
        witness.stop()
    witness.testify()
