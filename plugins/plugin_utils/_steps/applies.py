# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a write come through to this server?"""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.given import Given
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import WRITE, Run


def applies(run: Run, given: Given) -> None:
    """This server applies what is written now. Raises Stopped."""
    written = {"server_id": given.server.id, "wait_timeout": given.options.gate_timeout}
    run("This server applies what is written now", WRITE, written)
