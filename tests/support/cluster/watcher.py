# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures from outside for how long each server of a test cluster is not a working part of it.

A server is out from the first look at which its own agent does not answer, until it answers again and has applied
everything it knows to be committed. It asks the agents themselves, ten times a second where nothing else is said, and
never speaks to Ansible.
"""

from __future__ import annotations

import threading
import time

from support.cluster.cluster import Cluster
from support.cluster.server import Server

SECONDS_BETWEEN_LOOKS = 0.1


def is_in(server: Server) -> bool:
    """Whether this server, asked itself, takes part and is caught up with what it knows to be committed."""
    status, _headers, body = server.try_api("GET", "/v1/agent/self", timeout=2.0)
    if status != 200:
        return False
    raft = body["stats"]["raft"]
    return raft["state"] in ("Leader", "Follower") and raft["applied_index"] == raft["commit_index"] != "0"


class Watcher:
    """Looks at every server from start() to stop(); `out_s` is each server's longest time out, by name."""

    def __init__(self, cluster: Cluster, every_s: float = SECONDS_BETWEEN_LOOKS) -> None:
        self._every_s = every_s
        self.out_s: dict[str, float] = {server.name: 0.0 for server in cluster.servers}
        self._times: list[tuple[float, float]] = []  # from when to when a server was out, of all servers
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, args=(server,), daemon=True) for server in cluster.servers
        ]

    def start(self) -> Watcher:
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """May be called twice."""
        self._ended.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(10)

    def most_out(self) -> int:
        """How many servers were out at the same moment, at most."""
        return max((sum(1 for left, back in self._times if left <= at < back) for at, _back in self._times), default=0)

    def _watch(self, server: Server) -> None:
        left: float | None = None
        while not self._ended.wait(self._every_s):
            now = time.monotonic()
            if left is None:
                # A server that lags for a moment is still in; only one that does not answer has left.
                if server.try_api("GET", "/v1/agent/self", timeout=2.0).status == 0:
                    left = now
            elif is_in(server):
                self.out_s[server.name] = max(self.out_s[server.name], time.monotonic() - left)
                self._times.append((left, time.monotonic()))
                left = None
        if left is not None:
            self._times.append((left, float("inf")))
            self.out_s[server.name] = float("inf")
