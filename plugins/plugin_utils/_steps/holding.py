# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep autopilot from removing a server that is out, and let it again. Take a server back that has not passed."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.given import Given, Result
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import AUTOPILOT, BACKEND, Run, Stopped


def hold(run: Run, given: Given, result: Result) -> None:
    """Before the stop. On the host whose API is asked about the cluster."""
    turn = given.before["turn"]
    args = {"hold_file": turn["hold_files"][turn["asked"]], "origin": turn["origin"], **turn["hold"]}
    said = {"state": "held", "take_over": given.options.take_over}
    result.update(run("Keep the leader from removing this server", AUTOPILOT, {**args, **said}))


def release(run: Run, given: Given, result: Result, peer: str) -> None:
    """On each host: restore the value from before the hold, remove the file with it."""
    now = given.now()
    args = {"hold_file": now.hold_files[peer], "origin": now.origin, "previous": now.hold.get("previous")}
    said = {"state": "released", "take_over": given.options.take_over}
    result.update(run("Release autopilot's removal of dead servers", AUTOPILOT, {**args, **said}))


def take_back(run: Run, given: Given, result: Result) -> None:
    """Back to the backend that it came from, once the others have agreed. `result` is server_backend's also where this
    fails. `given.before` is what `make_way` has returned."""
    options, now = given.options, given.now()
    view = given.before.get("observation", {}).get("autopilot") or {}
    args = {
        "backend": options.backend,
        "state": "returned",
        "repair": True,
        "allow_outage": options.allow_outage,
        "voters": now.voters_after,
        "stop_timeout": options.stop_timeout,
        "wait_timeout": options.wait_timeout,
        "stable_for": options.stable_for,
        "origin": now.origin,
        "failure_tolerance": view.get("failure_tolerance", 0),
        "force": True,
    }
    try:
        result.update(run("Take the server back to its old backend", BACKEND, {**given.subject(), **args}))
    except Stopped as stopped:
        result.update(stopped.result)
        raise
