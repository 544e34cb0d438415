# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rehearse beside servers that run, on file systems that can clone and on one that cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.cluster.cluster import Cluster
from support.filesystems import Kind, disk_of
from support.rolls import playbooks

SIZE = 2 << 30
XFS = Kind("xfs", SIZE, ("mkfs.xfs", "-q", "-f"), "loop")
EXT4 = Kind("ext4", SIZE, ("mkfs.ext4", "-q", "-F"), "loop")
LINE = r"{}: +boltdb -> wal \d+\.\d s \(\d+\.\d MB/s\), back \d+\.\d s; \d+ entries, all equal\.$"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Servers on XFS, the last of them with its data on ext4."""
    with ExitStack() as stack:
        top = stack.enter_context(disk_of(XFS, tmp_path_factory.mktemp("xfs"))).top
        other = stack.enter_context(disk_of(EXT4, tmp_path_factory.mktemp("ext4"))).top
        cluster = Cluster(top / "c")
        stack.callback(cluster.stop_all)
        last = cluster.servers[-1]
        last.data_dir.parent.mkdir(parents=True, exist_ok=True)
        if last.data_dir.exists():
            last.data_dir.rmdir()
        last.data_dir.symlink_to(other)
        cluster.start()
        cluster.wait_healthy(60)
        yield cluster


def left(cluster: Cluster) -> set[str]:
    """Names beside the Raft directories."""
    return {path.name for server in cluster.servers for path in Path(server.data_dir, "server").iterdir()}


def test_rehearsals_beside_running_servers(cluster: Cluster) -> None:
    inventory, before = playbooks.write_inventory(cluster), left(cluster)
    first, second, last = cluster.servers
    would = playbooks.run("rehearse", inventory, "--check")
    assert would.returncode == 0, would.stdout

    done = playbooks.run("rehearse", inventory)
    assert done.returncode != 0, "one of them was not rehearsed"
    for server in (first, second):
        assert re.search(LINE.format(server.name), done.stdout, re.M), done.stdout
    reason = re.sub(r"\s+", " ", done.stdout)
    assert f"{last.name}: Not rehearsed: ext4 cannot clone files; XFS" in reason and "does not need this" in reason
    assert f"fatal: [{last.name}]: FAILED!" in reason and reason.count("fatal: [") == 1
    assert left(cluster) == before
    cluster.wait_healthy(60)

    last.stop()
    copied = playbooks.run("rehearse", inventory)
    last.start()
    assert copied.returncode == 0, copied.stdout
    assert all(re.search(LINE.format(server.name), copied.stdout, re.M) for server in cluster.servers)
    assert left(cluster) == before
    cluster.wait_healthy(60)
