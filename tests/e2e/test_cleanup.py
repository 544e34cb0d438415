# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old stores are removed from a healthy cluster whose servers are all in order, and from no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.cluster.cluster import Cluster
from support.cluster.server import Server
from support.rolls import playbooks

OLD = ("raft.db.migrated.20260101-120000", "raft.db.migrated.20260301-120000", "wal.migrated.20260201-120000")
NEWEST = {OLD[1]}


def make_old(server: Server) -> None:
    """What rolls of some months would have left; their content does not matter."""
    for name in OLD:
        path = server.raft_dir / name
        if name.startswith("wal"):
            path.mkdir(exist_ok=True)
            path = path / "wal-meta.db"
        path.write_bytes(b"x" * 1000)


def old(cluster: Cluster) -> list[set[str]]:
    return [{path.name for path in server.raft_dir.glob("*.migrated.*")} for server in cluster.servers]


def clean(cluster: Cluster, *arguments: str, **variables: Any) -> tuple[int, str]:
    """The exit code of the playbook, and what it said, on one line."""
    run = playbooks.run("cleanup", playbooks.write_inventory(cluster, **variables), *arguments)
    print(run.stdout)
    return run.returncode, " ".join(run.stdout.split())


@pytest.fixture
def cluster(request: pytest.FixtureRequest, make_cluster: Any) -> Cluster:
    made: Cluster = make_cluster(size=getattr(request, "param", 3))
    for server in made.servers:
        make_old(server)
    return made


@pytest.mark.long
@pytest.mark.parametrize("cluster", [1], indirect=True)
def test_old_snapshots_are_listed_by_status_and_removed_but_for_the_newest(cluster: Cluster) -> None:
    saved = cluster.root / "snapshots"
    saved.mkdir(mode=0o700)
    names = ["nomad-316-20260101T120000Z.snap", "nomad-s1.global-20260301T120000Z.snap"]
    for name in [*names, "mine.snap"]:
        (saved / name).write_bytes(b"x" * 2000)
    shown = playbooks.run("status", playbooks.write_inventory(cluster))
    said = " ".join(shown.stdout.split())
    assert shown.returncode == 0 and "s1: 2 snapshots, 3.9 KB, the newest " in said and "All is well" in said
    code, said = clean(cluster, "--check")
    assert code == 0 and f"{names[0]} would-remove" in said and f"{names[1]} keep" in said
    assert clean(cluster)[0] == 0
    assert {path.name for path in saved.iterdir()} == {names[1], "mine.snap"}
    assert clean(cluster, raft_logstore_keep_snapshots=0)[0] == 0
    assert {path.name for path in saved.iterdir()} == {"mine.snap"}


@pytest.mark.parametrize("cluster", [1], indirect=True)
def test_only_what_was_asked_for_is_removed(cluster: Cluster) -> None:
    pids = [server.pid() for server in cluster.servers]
    code, said = clean(cluster, "--check")
    assert code == 0 and all(name in said for name in OLD)
    assert old(cluster) == [set(OLD)]
    assert clean(cluster, raft_logstore_force=False)[0] != 0, "nobody could be asked"
    assert old(cluster) == [set(OLD)]

    code, said = clean(cluster, raft_logstore_keep_backups=1)
    assert code == 0 and "2.0 KB will become free" in said and "rollback does not need them." in said
    assert "Removed 2.0 KB. Kept on each server: the newest old store. Nothing more to do." in said
    assert old(cluster) == [NEWEST]
    assert clean(cluster)[0] == 0
    assert old(cluster) == [set()]
    assert clean(cluster)[0] == 0, "there is nothing left to remove, and that is no failure"
    assert [server.pid() for server in cluster.servers] == pids
    assert all((server.raft_dir / "raft.db").is_file() for server in cluster.servers)


@pytest.mark.long
def test_nothing_is_removed_where_something_is_wrong(cluster: Cluster) -> None:
    first, second, third = cluster.servers
    drop_in: Path = first.config_dir / "raft_logstore.hcl"
    drop_in.write_text('server {\n  raft_logstore {\n    backend = "wal"\n  }\n}\n')
    code, said = clean(cluster)
    assert code != 0 and "s1 runs on boltdb, is configured for wal" in said
    drop_in.unlink()

    hold = third.raft_dir / ".raft-hold.json"
    hold.write_text('{"version": 1, "origin": "elsewhere", "previous": true, "created": "2026-11-22T13:20:35Z"}\n')
    code, said = clean(cluster)
    assert code != 0 and "s3" in said and "hold" in said
    hold.unlink()

    second.stop()
    code, said = clean(cluster)
    assert code != 0 and "s2" in said
    assert old(cluster) == [set(OLD)] * 3
