# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server makes of damaged stores: some it refuses, some it takes without a word; the same on a real Nomad.

This is why the collection reads everything back itself: a successful start proves nothing.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Iterator

import pytest
from support.cluster.cluster import Cluster, Server, wait_until
from support.cluster.single import raft_stats
from support.recordings import store_facts, unpack_store

TAIL = "00000000000000000455-0000000000000006.wal"
SEALED = "00000000000000000359-0000000000000004.wal"
LAST_BEFORE_TAIL, LAST = 454, 535


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Not started, on the recorded WAL: snapshots at 169 and 493, sealed segments from 170, a tail from 455."""
    server = Cluster(tmp_path / "cluster", size=1, backend="wal").servers[0]
    server.raft_dir.parent.mkdir(parents=True)
    assert unpack_store("wal-follower", server.raft_dir.parent) == server.raft_dir
    assert store_facts("wal-follower")["oracle"]["last_index"] == LAST
    yield server
    server.kill()


def ending(server: Server) -> str:
    server.start()
    assert server.wait_exit() == 1
    return server.log()


def last_log_index(server: Server) -> int:
    """Start the server; its peers are missing, so it only stands by."""
    server.start()
    wait_until("answer", lambda: server.try_api("GET", "/v1/agent/self").status == 200, 15)
    return int(raft_stats(server)["last_log_index"])


def test_undamaged(server: Server) -> None:
    assert last_log_index(server) == LAST


def test_log_that_starts_above_the_snapshot_ends_in_a_panic(server: Server) -> None:
    shutil.rmtree(server.raft_dir / "snapshots")
    server.start()
    assert server.wait_exit() == 2
    assert "panic: log not found" in server.log()


def test_missing_sealed_segment_is_refused(server: Server) -> None:
    (server.raft_dir / "wal" / SEALED).unlink()
    words = f"failed to open WAL log store: open {server.raft_dir}/wal/{SEALED}: no such file or directory"
    assert words in ending(server)


def test_missing_metadata_is_refused_and_an_empty_one_left(server: Server) -> None:
    (server.raft_dir / "wal" / "wal-meta.db").unlink()
    (server.raft_dir / "wal" / TAIL).rename(server.raft_dir / "wal" / "00000000000000000001-0000000000000000.wal")
    assert "00000000000000000001-0000000000000000.wal: file exists" in ending(server)
    assert (server.raft_dir / "wal" / "wal-meta.db").exists()


def test_missing_tail_segment_loses_entries_without_a_word(server: Server) -> None:
    (server.raft_dir / "wal" / TAIL).unlink()
    assert last_log_index(server) == LAST_BEFORE_TAIL


def test_flipped_byte_in_an_old_tail_entry_is_not_noticed(server: Server) -> None:
    with open(server.raft_dir / "wal" / TAIL, "r+b") as segment:
        segment.seek(200)
        byte = segment.read(1)
        segment.seek(200)
        segment.write(bytes([byte[0] ^ 1]))
    assert last_log_index(server) == LAST
