# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running server's log costs: the agent's metrics, the size of the store, how much a conversion would move.

A part that is not known is no failure: it is null, and `errors` has the sentence.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from .._agent.api.answers import Agent
from .._agent.api.client import Client
from .._agent.api.metrics import Metrics
from .._agent.errors import ApiError
from .._assess import figures, shape
from .._assess.figures import Figures
from .._assess.shape import Shape
from .._disk.errors import StoreError
from .._disk.segmentsize import DEFAULT_SEGMENT_MIB
from .._raftstore.base.store import BOLTDB, WAL
from .files import Files, files, sentence
from .sampling import sample

MIB = 1 << 20
NO_METRICS = "The agent shows no metrics of Raft. See prefix_filter and filter_default in its telemetry block."


def cost(
    client: Client, data_dir: str, seconds: float, sampled: Callable[[Client, float], List[Metrics]] = sample
) -> Dict[str, Any]:
    """The `cost` result of raft_cost_info."""
    errors: Dict[str, str] = {}
    agent, found = _of_agent(client, seconds, sampled, errors)
    try:
        here = files(data_dir)
    except (StoreError, OSError) as error:
        here, errors["store"] = Files(), sentence(error, data_dir)
    backend = agent.backend if agent and agent.backend else here.backend
    known = _shape(backend, here, agent, found) if agent else None
    logstore = (agent.raft_logstore if agent else None) or {}
    return {
        "id": here.id,
        "backend": backend,
        "size": here.size if here.backend else None,
        "entries": known.entries if known else None,
        "data_bytes": known.data_bytes if known else None,
        "live_bytes": known.live_bytes if known else None,
        "no_freelist_sync": bool(logstore.get("no_freelist_sync")),
        "figures": found.values(),
        "errors": errors,
    }


def _of_agent(
    client: Client, seconds: float, sampled: Callable[[Client, float], List[Metrics]], errors: Dict[str, str]
) -> Tuple[Optional[Agent], Figures]:
    """The agent about itself, and the figures of its metrics."""
    agent = None
    try:
        agent = client.agent_self()
        found = figures.figures(sampled(client, seconds), agent.backend if agent.backend in (BOLTDB, WAL) else BOLTDB)
    except ApiError as error:
        errors["metrics"] = str(error)
        return agent, Figures()
    if found.commits_per_s is None:
        errors["metrics"] = NO_METRICS
    return agent, found


def _shape(backend: str, here: Files, agent: Agent, found: Figures) -> Shape:
    count = shape.entries(agent.raft["last_log_index"], agent.raft["last_snapshot_index"])
    if backend != WAL:
        return shape.boltdb(here.written, found.free_bytes, count)
    segment_mib = (agent.raft_logstore or {}).get("wal_segment_size") or DEFAULT_SEGMENT_MIB
    mean = found.bytes_per_s / found.entries_per_s if found.bytes_per_s and found.entries_per_s else None
    return shape.wal(here.size, segment_mib * MIB, count, mean)
