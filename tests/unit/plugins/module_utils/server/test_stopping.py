# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stop is a stop only when nobody has the store open; else the agent may be started again."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import InUse
from ansible_collections.raftops.nomad.plugins.module_utils._server.stopping import stop


class Service:
    def __init__(self, fails: bool = False) -> None:
        self.done: list[str] = []
        self.fails = fails

    def stop(self) -> bool:
        self.done.append("stop")
        if self.fails:
            raise AgentError("no")
        return True

    def release(self) -> None:
        self.done.append("release")


def test_stopped_and_let_go(host: Any) -> None:
    service: Any = Service()
    assert stop(service, str(host.root / "data"), 1) and service.done == ["stop"]


def test_one_that_does_not_stop_or_does_not_let_go_may_be_started_again(host: Any) -> None:
    service: Any = Service()
    with host.store_open(), pytest.raises(InUse):
        stop(service, str(host.root / "data"), 0.2)
    assert service.done == ["stop", "release"]
    failing: Any = Service(fails=True)
    with pytest.raises(AgentError):
        stop(failing, str(host.root / "data"), 1)
    assert failing.done == ["stop", "release"]
