# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop an agent and prove that it has let go of its store."""

from __future__ import annotations

from typing import Union

from .._agent.errors import AgentError
from .._agent.host.service import Commands, Systemd
from .._disk.errors import StoreError
from .._raftstore.released import wait_until_released

Service = Union[Commands, Systemd]


def stop(service: Service, data_dir: str, timeout_s: float) -> bool:
    """Stop the agent and keep it stopped; whether it ran. Returns once no process has its store open or locked.

    Raises AgentError or StoreError (InUse after `timeout_s`), and the agent may be started again then.
    """
    try:
        changed = service.stop()
        wait_until_released(data_dir, timeout_s)
    except (AgentError, StoreError):
        service.release()
        raise
    return changed
