# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of /v1/metrics: parsed JSON in, typed values out. Pure.

Nomad keeps its metrics in memory and shows those of one finished interval at a time (go-metrics, inmem_endpoint.go), of
10 s as it is configured by default. A sample that nothing has happened in is missing, not 0.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple

from .answers import _get, _typed

OF_RAFT = ".raft."


class Sum(NamedTuple):
    """What one counter or sample has come to in one interval. `rate` is `total` a second."""

    number: int
    total: float
    highest: float
    rate: float


class Metrics(NamedTuple):
    """One interval: when it began, as Nomad writes it, and Raft's metrics in it by their full names."""

    began: str
    gauges: Mapping[str, float]
    sums: Mapping[str, Sum]


def parse_metrics(value: Any) -> Metrics:
    """The body of /v1/metrics. Those that are not Raft's are left out. Raises ValueError."""
    fields = _typed(value, dict, "the answer")
    gauges: Dict[str, float] = {}
    sums: Dict[str, Sum] = {}
    for one in _of_raft(fields, "Gauges"):
        gauges[one["Name"]] = _float(one, "Value")
    for one in [*_of_raft(fields, "Counters"), *_of_raft(fields, "Samples")]:
        found = Sum(_get(one, "Count", int), _float(one, "Sum"), _float(one, "Max"), _float(one, "Rate"))
        sums.setdefault(one["Name"], found)
    return Metrics(_get(fields, "Timestamp", str), gauges, sums)


def _of_raft(fields: Mapping[str, Any], kind: str) -> Any:
    listed = _get(fields, kind, list, [])
    return [one for one in listed if OF_RAFT in _get(_typed(one, dict, kind), "Name", str)]


def _float(fields: Mapping[str, Any], name: str) -> float:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} is {type(value).__name__}, not a number")
    return float(value)
