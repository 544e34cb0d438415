# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a roll has to leave behind, seen in the API, on the disk and by the writer, never in Ansible's output."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from support.cluster.cluster import Cluster
from support.cluster.server import Server
from support.cluster.watcher import Watcher
from support.cluster.writer import Writer

NAMES = {"wal": "WAL", "boltdb": "BoltDB"}
STORES = {"wal": "wal/ and the guard on each server", "boltdb": "raft.db and no wal/ on each server"}


class Observed(NamedTuple):
    """The cluster at one moment: Raft IDs of the voters, backend by server, whether autopilot removes dead servers and
    the Raft index of the last change of its configuration."""

    voters: frozenset[str]
    backends: dict[str, str]
    cleanup: bool
    autopilot_index: int


class Writes(NamedTuple):
    """What writers saw together: the number acknowledged, the paths of those lost, the longest gap between two."""

    acknowledged: int
    lost: list[str]
    longest_gap_s: float

    @classmethod
    def of(cls, writers: Iterable[Writer], lost: Iterable[list[str]]) -> Writes:
        seen = list(writers)
        gaps = [writer.longest_gap_s for writer in seen]
        return cls(sum(len(one.acknowledged) for one in seen), [path for each in lost for path in each], max(gaps))


class Line(NamedTuple):
    """One line of the report: whether it is as it should be (None: only a figure), what, and the value."""

    good: bool | None
    what: str
    value: str


def observe(cluster: Cluster) -> Observed:
    first = cluster.running()[0]
    health = first.api("GET", "/v1/operator/autopilot/health").body
    autopilot = first.api("GET", "/v1/operator/autopilot/configuration").body
    backends = {
        server.name: server.api("GET", "/v1/agent/self").body["stats"]["raft"]["logstore_backend"]
        for server in cluster.servers
    }
    return Observed(frozenset(health["Voters"]), backends, autopilot["CleanupDeadServers"], autopilot["ModifyIndex"])


def snapshots(cluster: Cluster) -> list[Path]:
    """The snapshots that a roll has left, oldest first."""
    return sorted((cluster.root / "snapshots").glob("*.snap"), key=lambda path: path.stat().st_mtime_ns)


def snapshot_is_sound(path: Path) -> bool:
    """Whether the archive's content has the checksums that it names itself, and nobody else may read it."""
    with gzip.open(path) as plain, tarfile.open(fileobj=plain) as archive:
        content = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    sums = dict(reversed(line.split()) for line in content.pop("SHA256SUMS").decode().splitlines())
    found = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    return sums == found and set(found) == {"meta.json", "state.bin"} and path.stat().st_mode & 0o077 == 0


def report(
    cluster: Cluster, before: Observed, writes: Writes, watcher: Watcher, took_s: float, failed: int, backend: str
) -> list[Line]:
    """All figures of rolls that end on `backend`, each with whether it is as it should be."""
    after = observe(cluster)
    lost = writes.lost
    saved = snapshots(cluster)
    return [
        Line(failed == 0, "playbooks", "all ended well" if failed == 0 else f"exit code {failed}"),
        Line(not lost, "acknowledged writes", f"{writes.acknowledged}, {len(lost)} lost {lost[:3] or ''}".rstrip()),
        Line(set(after.backends.values()) == {backend}, "backends", ", ".join(map(" ".join, after.backends.items()))),
        Line(all(is_on(server, backend) for server in cluster.servers), "stores", STORES[backend]),
        Line(after.voters == before.voters, "voters", f"{len(after.voters)}, the same as before"),
        Line(after.cleanup == before.cleanup, "autopilot", f"CleanupDeadServers is {after.cleanup}, as before"),
        Line(
            bool(saved) and all(map(snapshot_is_sound, saved)),
            "snapshot",
            f"{os.path.relpath(saved[0])}, checksums verified" if saved else "none",
        ),
        Line(None, "total time", f"{took_s:.1f} s"),
        *(
            Line(0 < out_s < float("inf"), f"{name} out of the cluster", f"{out_s:.1f} s")
            for name, out_s in watcher.out_s.items()
        ),
        Line(None, "longest gap between two writes", f"{writes.longest_gap_s:.2f} s"),
    ]


def is_guarded(server: Server) -> bool:
    return (server.raft_dir / "wal").is_dir() and (server.raft_dir / "raft.db").is_symlink()


def is_on(server: Server, backend: str) -> bool:
    """Whether the Raft directory holds this store, and not the other."""
    raft_db, wal = server.raft_dir / "raft.db", server.raft_dir / "wal"
    return (
        is_guarded(server) if backend == "wal" else raft_db.is_file() and not raft_db.is_symlink() and not wal.exists()
    )


def is_unfinished(server: Server) -> bool:
    """Whether a hold, an open journal or a partial file of a roll is left on this server."""
    directory = server.raft_dir
    journal = directory / ".raft-migrate.json"
    is_open = journal.exists() and json.loads(journal.read_text())["phase"] != "done"
    return is_open or any(directory.glob(".raft-hold*")) or any(directory.glob("*.partial"))


def assert_whole(cluster: Cluster, before: Observed, backend: str) -> None:
    """Fail unless all servers are on the backend, the cluster is as before otherwise, and nothing of a roll is left."""
    after = observe(cluster)
    assert set(after.backends.values()) == {backend}
    assert (after.voters, after.cleanup) == (before.voters, before.cleanup)
    assert [is_guarded(server) for server in cluster.servers] == [backend == "wal"] * len(cluster.servers)
    assert not any(is_unfinished(server) for server in cluster.servers)


def show(lines: list[Line], backend: str) -> int:
    """Print the report; exit code 0 when nothing is off."""
    for line in lines:
        mark = "    " if line.good is None else "ok  " if line.good else "OFF "
        print(f"{mark}{line.what:32}{line.value}")
    off = [line.what for line in lines if line.good is False]
    print(
        f"\nNot as it should be: {', '.join(off)}"
        if off
        else f"\nThe cluster is on {NAMES[backend]} and nothing was lost."
    )
    return 1 if off else 0
