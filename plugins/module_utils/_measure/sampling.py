# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's metrics over some time. It shows one finished interval at a time, so it is asked again and again."""

from __future__ import annotations

import time
from typing import Callable, Dict, List

from .._agent.api.client import Client
from .._agent.api.metrics import Metrics

POLL_S = 5.0  # half of Nomad's interval: none is missed


def sample(
    client: Client,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> List[Metrics]:
    """The intervals that were finished in these seconds and the one before, in their order. Raises ApiError."""
    found: Dict[str, Metrics] = {}
    end = clock() + seconds
    while True:
        one = client.metrics()
        found[one.began] = one
        left = end - clock()
        if left <= 0:
            return list(found.values())
        sleep(min(POLL_S, left))
