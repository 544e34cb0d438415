# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent's metrics say about its log: writes a second, what one costs, the freelist. Pure.

The names are those of hashicorp/raft (replication.go, raft.go), hashicorp/raft-boltdb (bolt_store.go, metrics.go) and
hashicorp/raft-wal (metrics.go), under Nomad's prefix. Times are milliseconds.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional, Sequence

from .._agent.api.metrics import Metrics, Sum

DISPATCH = "nomad.raft.leader.dispatchLog"  # leader: an entry into its own store
COMMIT = "nomad.raft.commitTime"  # leader: until a quorum has the entry
STORE = "nomad.raft.rpc.appendEntries.storeLogs"  # follower: entries into its own store
APPENDS = {"boltdb": "nomad.raft.boltdb.logsPerBatch", "wal": "nomad.nomad.raft.wal.log_appends"}
ENTRIES = {"boltdb": "nomad.raft.boltdb.logsPerBatch", "wal": "nomad.nomad.raft.wal.log_entries_written"}
BYTES = {"boltdb": "nomad.raft.boltdb.logSize", "wal": "nomad.nomad.raft.wal.log_entry_bytes_written"}
FREELIST = "nomad.raft.boltdb.freelistBytes"
FREE_PAGES = "nomad.raft.boltdb.numFreePages"
PENDING_PAGES = "nomad.raft.boltdb.numPendingPages"
FREE_BYTES = "nomad.raft.boltdb.freePageBytes"
ALLOCATED = "nomad.raft.boltdb.txstats.pageAlloc"  # bytes of all pages since the start, the freelist's among them
DEFAULT_INTERVAL_S = 10.0


class Times(NamedTuple):
    """The mean and the longest of some operations, in milliseconds."""

    number: int
    mean_ms: float
    max_ms: float


class Figures(NamedTuple):
    """What was sampled. None where the agent shows no such metric; rates of a server without writes are 0.

    `commit_bytes` are the bytes that BoltDB has written to pages for each commit, its freelist among them.
    """

    seconds: float = 0.0
    commits_per_s: Optional[float] = None
    entries_per_s: Optional[float] = None
    bytes_per_s: Optional[float] = None
    dispatch: Optional[Times] = None
    commit: Optional[Times] = None
    store: Optional[Times] = None
    freelist_bytes: Optional[int] = None
    free_pages: Optional[int] = None
    free_bytes: Optional[int] = None
    commit_bytes: Optional[int] = None

    @property
    def append(self) -> Optional[Times]:
        """What it takes this server to store entries: as the leader, else as a follower."""
        return self.dispatch or self.store

    def values(self) -> Dict[str, Any]:
        """As plain values."""
        return {name: one._asdict() if isinstance(one, Times) else one for name, one in self._asdict().items()}


def figures(intervals: Sequence[Metrics], backend: str) -> Figures:
    """The figures of some finished intervals, in their order, of a server on this backend."""
    seen = [one for one in intervals if _shows(one, backend)]
    if not seen:
        return Figures()
    seconds = _interval_s(seen) * len(seen)
    total = {name: _total(seen, name) for name in (APPENDS[backend], ENTRIES[backend], BYTES[backend])}
    appends = total[APPENDS[backend]]
    free, pending = _last(seen, FREE_PAGES), _last(seen, PENDING_PAGES)
    return Figures(
        seconds=seconds,
        commits_per_s=(appends.number if backend == "boltdb" else appends.total) / seconds,
        entries_per_s=total[ENTRIES[backend]].total / seconds,
        bytes_per_s=total[BYTES[backend]].total / seconds,
        dispatch=_times(seen, DISPATCH),
        commit=_times(seen, COMMIT),
        store=_times(seen, STORE),
        freelist_bytes=_last(seen, FREELIST),
        free_pages=None if free is None else free + (pending or 0),
        free_bytes=_last(seen, FREE_BYTES),
        commit_bytes=_commit_bytes(seen) if backend == "boltdb" else None,
    )


def _shows(one: Metrics, backend: str) -> bool:
    """Whether the agent shows what its store does. BoltDB tells of itself each 5 s, the WAL only when it writes."""
    return FREELIST in one.gauges if backend == "boltdb" else bool(one.gauges or one.sums)


def parse(given: Mapping[str, Any]) -> Figures:
    """The figures from their plain values."""
    known: Dict[str, Any] = {name: given[name] for name in Figures._fields if given.get(name) is not None}
    known.update({name: Times(**known[name]) for name in ("dispatch", "commit", "store") if name in known})
    return Figures(**known)


def _interval_s(intervals: Sequence[Metrics]) -> float:
    """How long one is: what a sum comes to, by what that is a second. Telemetry may set it to something else."""
    for one in intervals:
        for found in one.sums.values():
            if found.total and found.rate:
                return round(found.total / found.rate, 3)
    return DEFAULT_INTERVAL_S


def _of(intervals: Iterable[Metrics], name: str) -> Sequence[Sum]:
    return [one.sums[name] for one in intervals if name in one.sums]


def _total(intervals: Sequence[Metrics], name: str) -> Sum:
    found = _of(intervals, name)
    return Sum(sum(one.number for one in found), sum(one.total for one in found), 0.0, 0.0)


def _times(intervals: Sequence[Metrics], name: str) -> Optional[Times]:
    found, total = _of(intervals, name), _total(intervals, name)
    if not total.number:
        return None
    return Times(total.number, round(total.total / total.number, 3), round(max(one.highest for one in found), 3))


def _last(intervals: Sequence[Metrics], name: str) -> Optional[int]:
    found = [one.gauges[name] for one in intervals if name in one.gauges]
    return int(found[-1]) if found else None


def _commit_bytes(intervals: Sequence[Metrics]) -> Optional[int]:
    """By how much the bytes of all pages have grown since the first interval, by the commits in those after it."""
    known = [one for one in intervals if ALLOCATED in one.gauges]
    commits = _total(known[1:], APPENDS["boltdb"]).number
    grown = known[-1].gauges[ALLOCATED] - known[0].gauges[ALLOCATED] if known else 0
    return int(grown / commits) if commits and grown > 0 else None
