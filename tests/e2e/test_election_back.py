# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Votes cast on the WAL are in raft.db after the way back: a real election in between, and real servers afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest
from support.cluster.cluster import Cluster, Server, wait_until
from support.rolls import adhoc
from support.stores.judge import digest_of_copy


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path / "cluster", backend="wal")
    try:
        made.start()
        made.wait_healthy()
        yield made
    finally:
        made.stop_all()


def elect_another(cluster: Cluster) -> None:
    """Kill the leader; the two others vote; then it comes back."""
    old = wait_until("a leader", cluster.leader, 30)
    old.kill()
    wait_until("another leader", lambda: cluster.leader() not in (None, old), 60)
    assert cluster.write("raftops/while-it-was-away", {"by": "the others"}).status == 200
    old.start()
    cluster.wait_healthy()


def set_backend(server: Server, backend: str) -> None:
    text = server.config_path.read_text()
    assert 'backend = "wal"' in text
    server.config_path.write_text(text.replace('backend = "wal"', f'backend = "{backend}"'))


def test_a_vote_cast_on_the_wal_is_in_raft_db_after_the_way_back(cluster: Cluster, tmp_path: Path) -> None:
    for number in range(30):
        assert cluster.write(f"raftops/before/{number}", {"n": str(number)}).status == 200
    elect_another(cluster)
    cluster.stop_all()
    on_wal = {server.name: digest_of_copy(server.raft_dir / "wal") for server in cluster.servers}
    terms = [found.stable["current_term"] for found in on_wal.values()]
    voted = [found for found in on_wal.values() if found.stable["last_vote_term"] == max(terms)]
    assert max(terms) >= 2 and len(voted) >= 2, "two of three have voted in the last election"

    hosts = {server.name: {"data": str(server.data_dir)} for server in cluster.servers}
    inventory = adhoc.inventory(tmp_path / "inventory.json", hosts)
    back = {"data_dir": "{{ data }}", "backend": "boltdb", "force": True}
    done = adhoc.run(inventory, "raft_migrate_backend", back)
    assert done.returncode == 0, done.output
    for server in cluster.servers:
        assert digest_of_copy(server.raft_dir / "raft.db") == on_wal[server.name]
        set_backend(server, "boltdb")

    cluster.start()
    cluster.wait_healthy()
    assert cluster.write("raftops/after", {"by": "boltdb"}).status == 200
    for path in ("raftops/before/0", "raftops/before/29", "raftops/while-it-was-away", "raftops/after"):
        assert cluster.servers[0].try_api("GET", f"/v1/var/{path}").status == 200, path
    cluster.stop_all()
    for server in cluster.servers:
        now = digest_of_copy(server.raft_dir / "raft.db")
        assert now.stable["current_term"] >= on_wal[server.name].stable["current_term"]
        assert now.last_index > on_wal[server.name].last_index
