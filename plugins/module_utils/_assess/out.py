# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""For how many seconds a server would be out of its cluster. Pure.

The conversion is scaled from runs on that host. Stop, start and return are allowances: nobody stops a server to find
out. The way back is not smooth: while a server does not answer, its leader waits twice as long before each new attempt
to send it entries (hashicorp/raft replication.go, backoff), so that it gets none before the next of those moments.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Sequence, Tuple

# Seen with Nomad 2.0.5 on a host with two cores (docs/assess.md has the table).
STOP_S = 0.4  # from the stop until the store is closed, and the leader's first failure
START_S = 0.15  # until the agent answers
CONFIGURATION_S = 0.05
SEEN_S = 0.15  # until it is seen that the server is back
FIRST_WAIT_S = 0.01  # hashicorp/raft: failureWait
LONGEST_WAIT_S = 10.24  # failureWait doubled maxFailureScale - 2 times
IDLE_S = 0.08  # a leader without writes looks at its follower only so often (CommitTimeout, 50 to 100 ms)
BESIDE = 1.25  # as long takes a trial beside its running server, at the lowest priority: 1.0 to 1.5 times a conversion
UNSURE = 1.2  # by what factor the moment may be off at which the server is ready


class Out(NamedTuple):
    """The seconds in all, and those of them that the conversion takes."""

    seconds: float
    conversion: float


def conversion(runs: Sequence[Tuple[int, float]], data_bytes: int) -> float:
    """The seconds for so many bytes of data, from runs as (bytes, seconds): what each takes, and each byte.

    Of several with the same bytes the fastest counts: it is the one that was disturbed least.
    """
    fastest: Dict[int, float] = {}
    for length, seconds in runs:
        fastest[length] = min(seconds, fastest.get(length, seconds))
    (small, small_s), (large, large_s) = sorted(fastest.items())[0], sorted(fastest.items())[-1]
    if large == small:
        return large_s * max(1.0, data_bytes / large)
    byte_s = max(0.0, large_s - small_s) / (large - small)
    return max(0.0, small_s - byte_s * small) + byte_s * data_bytes


def out(runs: Sequence[Tuple[int, float]], data_bytes: int, commits_per_s: float = 0.0) -> Out:
    """From the beginning of the stop until the server has what its leader has, under so many writes."""
    converted = conversion(runs, data_bytes) / BESIDE
    ready_s = CONFIGURATION_S + converted + START_S
    return Out(round(STOP_S + back(ready_s, commits_per_s) + SEEN_S, 1), round(converted, 1))


def back(ready_s: float, commits_per_s: float) -> float:
    """When a server gets its next entry that is ready again so many seconds after it was closed.

    Where it may just miss an attempt it is between that one and the next, and neither is far from what is said.
    """
    pause_s = min(IDLE_S, 1 / commits_per_s) if commits_per_s > 0 else IDLE_S
    early, late = _next(ready_s / UNSURE, pause_s), _next(ready_s * UNSURE, pause_s)
    return float((early * late) ** 0.5)


def _next(ready_s: float, pause_s: float) -> float:
    """The moment of the first attempt at or after this one; each comes with a write or, without, after a pause."""
    wait_s, at_s = FIRST_WAIT_S, 0.0
    while at_s < ready_s:
        at_s += wait_s + pause_s
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
    return at_s
