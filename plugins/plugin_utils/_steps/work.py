# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a server to the backend, or see that one which needs no change is back for good."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible_collections.raftops.nomad.plugins.module_utils._roll import copying
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.left import UNTOUCHED
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.turn import NEXT
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.applies import applies
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.given import Given, Result
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import BACKEND, WAIT, Run, Stopped


def work(run: Run, given: Given, result: Result) -> None:
    """The server's time out of the cluster, then proof that it applies what is written.

    `given.before`: the `turn`, what `make_way` has returned, and `held`, the result of the hold. `result` has that of
    server_backend also where this fails.
    """
    server, options = given.server, given.options
    args = _wanted(given)
    if options.copies:
        result["copied"] = copying.is_copied(server)
    result["server"] = given.own
    try:
        worked = run("Bring the server to the backend", BACKEND, {**given.subject(), **args})
    except Stopped as stopped:
        result.update(stopped.result)
        raise
    result.update(worked)
    try:
        applies(run, given)
    except Stopped:
        if not worked.get("phases"):  # there was nothing to do by then
            result["left"] = UNTOUCHED
        raise
    _done(given, result, worked)


def _wanted(given: Given) -> Dict[str, Any]:
    """What server_backend is told."""
    server, turn, options, before = given.server, given.before["turn"], given.options, given.before
    args: Dict[str, Any] = {
        "backend": options.backend,
        "wal_segment_size": options.wal_segment_size,
        "return_on_failure": options.rollback_on_failure,
        "repair": not server.up,
        "allow_outage": options.allow_outage,
        "follower": before.get("leadership", turn["leadership"])["must_follow"],
        "min_failure_tolerance": options.min_failure_tolerance,
        "gate_timeout": turn["gate_timeout"],
        "stop_timeout": options.stop_timeout,
        "wait_timeout": options.wait_timeout,
        "stable_for": options.stable_for,
        "voters": turn["voters_after"],
        "origin": options.origin,
        "force": True,
    }
    if options.copies:  # neither its store nor its configuration changes
        state, backend = copying.state(server), copying.backend(server)
        args.update(state=state, backend=backend, wal_segment_size=None, return_on_failure=True)
    return args


def settle(run: Run, given: Given, result: Result) -> None:
    """Of a server with nothing left to do: what an unheard run before has done, and that it is back for good."""
    server, turn, options = given.server, given.before["turn"], given.options
    earlier: Mapping[str, Any] = {}
    result["server"] = given.own
    if turn["before"]["hears"]:
        args = {**given.subject(), "backend": options.backend, "force": True}
        heard = run("What became of the run before?", BACKEND, args)
        earlier = (heard.get("earlier") or {}).get("result") or {}
        if earlier.get("failed"):  # it may have been started twice: nobody can say from when to when it was out
            earlier = {**earlier, "began_at": None}
    if turn["before"]["stays"]:
        run(
            "This server, already done, is back for good",
            WAIT,
            {
                "until": "back",
                "server_id": server.id,
                "backend": options.backend,
                "voters": turn["voters_after"],
                "wait_timeout": options.wait_timeout,
                "stable_for": options.stable_for,
            },
        )
    _done(given, result, earlier)


def let_next(_run: Run, given: Given, result: Result) -> None:
    """The operator's tasks after this server have ended well too, so the next one may come."""
    result["server"] = given.noted({**given.own, "done": True})


def _done(given: Given, result: Result, worked: Mapping[str, Any]) -> None:
    """Note for the servers after it and for the end what was done. The first to tell it may be a later run."""
    before = given.before
    noted: Dict[str, Any] = {
        "done": given.before["turn"]["steps"][-1:] != [NEXT],
        "snapshot": before.get("snapshot", ""),
        "own_snapshot": before.get("own_snapshot", ""),
        "previous": before.get("held", {}).get("previous"),
        "times": worked.get("phases"),
        "began_at": worked.get("began_at"),
        "converted": worked.get("conversion"),
    }
    result.update(server=given.noted({**given.own, **noted}), done=True)
