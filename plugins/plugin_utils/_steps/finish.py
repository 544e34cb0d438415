# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a roll and of a look: each server is back, and the tables."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.applies import applies
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.given import Given, Result
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import WAIT, Run, Stopped


def back(run: Run, given: Given, result: Result) -> None:
    """This server is back once all had their turn; and while autopilot is held, a write comes through."""
    server, now, options = given.server, given.now(), given.options
    args = {
        "until": "back",
        "server_id": server.id,
        "voters": now.voters,
        "wait_timeout": options.gate_timeout,
        "stable_for": 1,
    }
    try:
        run("This server is back at the end", WAIT, args)
    except Stopped as stopped:
        told = f"{given.host} is not back at the end: {stopped.message} Once it is, run this again. {now.hold_note}"
        raise Stopped(stopped.doing, told.strip()) from stopped
    if now.unfinished:
        applies(run, given)


def stop(_run: Run, _given: Given, _result: Result, message: str) -> None:
    """The roll ends at a server that has failed, once it was left as safe as can be."""
    raise Stopped("Stop the roll", message)
