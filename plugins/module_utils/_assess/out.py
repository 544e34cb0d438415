# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""For how many seconds a server would be out of its cluster. Pure.

The conversion is scaled from runs on that host. Stop, start and return are allowances: nobody stops a server to find
out. The way back is not smooth: while a server does not answer, its leader waits twice as long before each new attempt
to send it entries (hashicorp/raft replication.go, backoff), so that it gets none before the next of those moments.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Sequence, Tuple

# Seen with Nomad 2.0.5 on a host with two cores (docs/assess.md has the table).
STOP_S = 0.5  # from the stop until the store is closed
START_S = 0.3  # until the agent answers
CONFIGURATION_S = 0.05
FIRST_WAIT_S = 0.01  # hashicorp/raft: failureWait
LONGEST_WAIT_S = 10.24  # failureWait doubled maxFailureScale - 2 times
ATTEMPT_S = 0.08  # an idle leader looks at its follower only so often (CommitTimeout, 50 to 100 ms)
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


def out(runs: Sequence[Tuple[int, float]], data_bytes: int) -> Out:
    """From the beginning of the stop until the server has what its leader has."""
    converted = conversion(runs, data_bytes)
    return Out(round(back(STOP_S + CONFIGURATION_S + converted + START_S), 1), round(converted, 1))


def back(ready_s: float) -> float:
    """When a server that is ready again after so many seconds gets its next entry.

    Where it may just miss an attempt it is between that one and the next, and neither is far from what is said.
    """
    early, late = _next(ready_s / UNSURE), _next(ready_s * UNSURE)
    return float((early * late) ** 0.5)


def _next(ready_s: float) -> float:
    return next(moment for moment in _attempts(ready_s) if moment >= ready_s)


def _attempts(until_s: float) -> List[float]:
    """The moments at which the leader tries, from the first one that fails on, up to one at or after `until_s`."""
    moments, wait_s, at_s = [0.0], FIRST_WAIT_S, 0.0
    while at_s < until_s:
        at_s += wait_s + ATTEMPT_S
        moments.append(at_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
    return moments
