# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is measured on one host: the store's size, the agent's metrics, its disk, conversions made for it.

A part that cannot be measured is no failure: it is null, and `errors` has the sentence.
"""

from __future__ import annotations

import stat
from contextlib import closing
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from .._agent.api.client import Client
from .._agent.errors import ApiError
from .._assess import figures, shape
from .._assess.figures import Figures
from .._assess.shape import Shape
from .._disk.datadir import descend
from .._disk.errors import StoreError, unreadable
from .._disk.segmentsize import DEFAULT_SEGMENT_MIB
from .._disk.syscalls import REAL
from .._raftstore.base.names import RAFT_DB, WAL_DIR
from .._raftstore.base.store import BOLTDB, WAL
from .._raftstore.directory.raftdir import files_len, locate, node_id
from .sampling import sample
from .scratch import scratch
from .syncs import syncs
from .trial import NEEDS, trial

MIB = 1 << 20
NO_METRICS = "The agent shows no metrics of Raft. See prefix_filter and filter_default in its telemetry block."


class Asked(NamedTuple):
    """What is to be measured: where, with which backend in mind, for how many seconds, and whether on the disk too."""

    data_dir: str
    backend: str
    seconds: float
    disk: bool


class Files(NamedTuple):
    """The server's Raft ID, the backend whose files are there, their length, and how much of that is on the disk."""

    id: str = ""
    backend: str = ""
    size: int = 0
    written: int = 0


def cost(client: Client, asked: Asked, sampled: Callable[..., Any] = sample) -> Dict[str, Any]:
    """The `cost` result of raft_cost_info. The disk is measured after the sampling, which it would disturb."""
    errors: Dict[str, str] = {}
    agent, found = _of_agent(client, asked, sampled, errors)
    files = _on_disk(asked, errors)
    backend = agent.backend if agent and agent.backend else files.backend
    known = _shape(backend, files, agent, found)
    measured = _measured(asked, known.entry_bytes, backend, errors) if asked.disk and files.backend else {}
    logstore = (agent.raft_logstore if agent else None) or {}
    return {
        "id": files.id,
        "backend": backend,
        "size": files.size if files.backend else None,
        "entries": known.entries if agent else None,
        "data_bytes": known.data_bytes if agent else None,
        "live_bytes": known.live_bytes if agent else None,
        "no_freelist_sync": bool(logstore.get("no_freelist_sync")),
        "figures": found.values(),
        "syncs": None,
        "trial": [],
        **measured,
        "errors": errors,
    }


def _of_agent(client: Client, asked: Asked, sampled: Callable[..., Any], errors: Dict[str, str]) -> Tuple[Any, Figures]:
    """The agent about itself, and the figures of its metrics."""
    agent = None
    try:
        agent = client.agent_self()
        intervals = sampled(client, asked.seconds)
        found = figures.figures(intervals, agent.backend if agent.backend in (BOLTDB, WAL) else BOLTDB)
        if found.commits_per_s is None:
            errors["metrics"] = NO_METRICS
        return agent, found
    except ApiError as error:
        errors["metrics"] = str(error)
        return agent, Figures()


def _on_disk(asked: Asked, errors: Dict[str, str]) -> Files:
    """Only looked at: a store in use is not read."""
    try:
        with closing(locate(asked.data_dir, REAL)) as raft:
            known, status = node_id(raft) or "", raft.stat(RAFT_DB)
            if status is not None and stat.S_ISREG(status.st_mode):
                return Files(known, BOLTDB, status.st_size, min(status.st_size, 512 * status.st_blocks))
            wal = descend(raft, (WAL_DIR,))
            if wal is None:
                return Files(known)
            with closing(wal):
                return Files(known, WAL, files_len(wal), files_len(wal))
    except (StoreError, OSError) as error:
        errors["store"] = str(unreadable(error, asked.data_dir) if isinstance(error, OSError) else error)
        return Files()


def _shape(backend: str, files: Files, agent: Any, found: Figures) -> Shape:
    if agent is None:
        return Shape(0, 0, 0)
    raft = agent.raft
    count = shape.entries(raft["last_log_index"], raft["last_snapshot_index"])
    if backend != WAL:
        return shape.boltdb(files.written, found.free_bytes, count)
    segment_mib = (agent.raft_logstore or {}).get("wal_segment_size") or DEFAULT_SEGMENT_MIB
    mean = found.bytes_per_s / found.entries_per_s if found.bytes_per_s and found.entries_per_s else None
    return shape.wal(files.size, segment_mib * MIB, count, mean)


def _measured(asked: Asked, entry_bytes: int, backend: str, errors: Dict[str, str]) -> Dict[str, Any]:
    """What a flush takes, and, where there is something to convert, what conversions take."""
    found: Dict[str, Any] = {}
    try:
        with scratch(asked.data_dir, NEEDS) as directory:
            found["syncs"] = syncs(directory)._asdict()
            if backend != asked.backend and entry_bytes:
                runs: List[Any] = trial(directory, entry_bytes, asked.backend)
                found["trial"] = [run._asdict() for run in runs]
    except (StoreError, OSError) as error:
        errors["disk"] = str(unreadable(error, asked.data_dir) if isinstance(error, OSError) else error)
    return found
