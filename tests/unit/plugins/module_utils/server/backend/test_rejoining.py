# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait for a server that was started, and its early end where the agent has ended."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.health import Verdict, Wanted
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.waiter import Look
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend import rejoining

ABSENT = Look(Verdict(False, "no answer"), {"agent": None})
THERE = Look(Verdict(False, "no leader"), {"agent": {}})


def test_only_one_that_is_gone_in_a_row_has_ended(host: Any) -> None:
    now = [0.0]
    watch = rejoining.Watch(str(host.root / "data"), lambda: now[0])
    for moment, seen, final in [(0, ABSENT, False), (29, ABSENT, False), (29.5, THERE, False), (35, ABSENT, False)]:
        now[0] = moment
        assert watch.judged(seen).verdict.final is final
    with host.store_open():  # it restores its state, which may take long
        now[0] = 80
        assert not watch.judged(ABSENT).verdict.final
    now[0] = 100
    assert not watch.judged(ABSENT).verdict.final
    now[0] = 130
    ended = watch.judged(ABSENT).verdict
    assert ended.final and not ended.ok and "its agent has ended" in ended.reason and "no answer" in ended.reason


def test_the_wait_ends_then(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejoining, "ENDED_S", 0.3)
    work = host.work(wait_timeout=300)
    assert rejoining.wait(work.subject, work.client, Wanted()).satisfied
    host.api.close()
    waited = rejoining.wait(work.subject, work.client, Wanted())
    assert not waited.satisfied and waited.elapsed_s < 30
