# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single servers (bootstrap_expect 1) for tests about starting: one is leader within about two seconds, or ends."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List

from support.cluster.cluster import Cluster, Server, wait_until


class Servers:
    """Makes single servers below a directory, not started, and stops them all at the end."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clusters: List[Cluster] = []

    def __call__(self, backend: str = "boltdb", extra_hcl: str = "") -> Server:
        root = self.root / f"cluster{len(self.clusters)}"
        self.clusters.append(Cluster(root, size=1, backend=backend, extra_hcl=extra_hcl))
        return self.clusters[-1].servers[0]

    def stop(self) -> None:
        for cluster in self.clusters:
            cluster.stop_all()


def start_and_lead(server: Server) -> None:
    server.start()
    wait_until("own leader", lambda: server.try_api("GET", "/v1/status/leader").status == 200, 15)


def write_variable(server: Server, path: str) -> None:
    def written() -> bool:
        return server.try_api("PUT", f"/v1/var/{path}", body={"Path": path, "Items": {"k": "v"}}).status == 200

    wait_until(f"variable {path} written", written, 15)


def set_block(server: Server, block: str) -> None:
    """Replace the drop-in file that holds the raft_logstore block."""
    (server.config_dir / "raft_logstore.hcl").write_text(f"server {{\n{block}\n}}\n" if block else "")


def backend(name: str) -> str:
    return f'raft_logstore {{ backend = "{name}" }}'


def refusal(server: Server) -> str:
    """Start a server that must end with exit code 1; return what it said."""
    before = len(server.log())
    server.start()
    assert server.wait_exit() == 1
    return server.log()[before:]


def raft_stats(server: Server) -> Dict[str, str]:
    stats: Dict[str, str] = server.api("GET", "/v1/agent/self").body["stats"]["raft"]
    return stats


def contents(directory: Path) -> Dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
