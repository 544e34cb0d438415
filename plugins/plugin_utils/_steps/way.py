# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make way for a server: its leader agrees that it may be stopped, leadership is moved away, snapshots are saved."""

from __future__ import annotations

from datetime import datetime

from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import view
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.turn import Leadership, answers, leadership
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.applies import applies
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.given import Given, Result
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import (
    SAVE,
    TRANSFER,
    WAIT,
    Run,
    Stopped,
)

STAMP = "%Y%m%dT%H%M%SZ"


def make_way(run: Run, given: Given, result: Result, at: datetime) -> None:
    """What comes between the others' word that they serve and their proof that they store what is written.

    On the host whose API is asked about the cluster: this server's own, if it is up. `at` is now, in UTC.
    """
    server, turn, options = given.server, given.before["turn"], given.options
    # It has to be so for a while only in the last look, which comes just before the stop.
    asked = run(
        "The cluster can do without this server",
        WAIT,
        {
            "until": "stoppable",
            "server_id": server.id,
            "voters": turn["voters"],
            "min_failure_tolerance": options.min_failure_tolerance,
            "allow_outage": options.allow_outage,
            "follower": False,
            "repair": not server.up,
            "wait_timeout": turn["gate_timeout"],
            "stable_for": 0,
        },
        asks=True,
    )
    result["observation"] = asked["observation"]
    result["leadership"] = _moved(run, given, result)._asdict()
    if not turn["saves"]:
        return
    dest = options.snapshot_dest
    applies(run, given)
    if turn["saves_first"]:
        result["snapshot"] = run("Save the leader's snapshot", SAVE, {"dest": dest})["path"]
    name = f"nomad-{server.name}-{at.strftime(STAMP)}.snap"
    own = run("Save this server's own snapshot", SAVE, {"dest": dest, "name": name, "stale": True})
    result["own_snapshot"] = own["path"]


def _moved(run: Run, given: Given, result: Result) -> Leadership:
    """Leadership, once it has been moved away where that has to be."""
    known = answers(given.so_far, view(result["observation"]["autopilot"]))
    before = leadership(given.server, False, given.options, known)
    if not before.moves:
        return before
    args = {"candidates": before.candidates, "wait_timeout": given.options.gate_timeout}
    try:
        result["transfer"] = run("Transfer leadership and prove it", TRANSFER, args)
    except Stopped as stopped:
        result["transfer"] = stopped.result
        if not stopped.result.get("denied"):
            raise
    return leadership(given.server, False, given.options, known._replace(transfer=result["transfer"]))
