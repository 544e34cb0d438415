# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a server: for the plan or a table, at the beginning of its turn, at the end of a roll."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple

from ansible_collections.raftops.nomad.plugins.module_utils._assess import figures
from ansible_collections.raftops.nomad.plugins.module_utils._roll import server as servers
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.left import end as end_of
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import shown
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.given import Given, Result
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import COST, LOOK, Run, Stopped

AGAIN = (
    "{host} has already been rolled by this run of ansible-playbook, and what it found then is out of date. Start "
    "another run for the next roll."
)
NO_PYTHON = (
    "{host} has no Python 3.8 or newer that this Ansible can use ({interpreter}): {reason} Install one and name it "
    "with ansible_python_interpreter. Nothing else is needed on a server."
)
UNREHEARSED = (
    "Whether {host} may be stopped can be asked only when {down} is back. A run without --check brings it back first, "
    "then asks."
)


class First(NamedTuple):
    """Of a first look: whether it is for a roll, and what the operator has said of the API and of the interpreter."""

    plans: bool
    connection: Mapping[str, Any]
    interpreter: str


def look(run: Run, given: Given, result: Result, first: First) -> None:
    """The first look of a run at this server. Returns how its agent is reached as well, without the token."""
    plans, connection = first.plans, first.connection
    if plans and given.own.get("done"):
        raise Stopped("This run of Ansible begins its first roll", AGAIN.format(host=given.host))
    try:
        run("Ask for its Python", "ansible.legacy.setup", {"gather_subset": ["!all", "!min", "python"]}, asks=True)
    except Stopped as stopped:
        named = first.interpreter or "none is set with ansible_python_interpreter"
        told = NO_PYTHON.format(host=given.host, interpreter=named, reason=end_of(stopped.message))
        raise Stopped("Its Python can run modules", told, stopped.result) from stopped
    found = _read(run, given, rehearses=plans)
    result["server"] = given.noted({**given.own, **_kept(given, found), **servers.planned(found)})
    if plans and given.options.report_dir:
        result["server"]["latency_before"] = _latency(run, given, found["data_dir"])
    result["api"] = {**found["api"], **{name: connection[name] for name in connection if name != "token"}}


def begin(run: Run, given: Given, result: Result) -> None:
    """The turn of this server begins: may it come, and be stopped as far as it alone is concerned?"""
    now = given.now()
    _gate("All before this server are finished", now.interlock)
    if now.pauses:
        run("Wait between two servers", "ansible.builtin.pause", {"seconds": given.options.pause_between})
    given = given.after(given.noted({**given.own, **_kept(given, _read(run, given, rehearses=True))}))
    now, result["server"] = given.now(), given.own
    if now.comes:
        _gate("This server itself may be stopped", now.stoppable)
    if now.before.unrehearsed:
        result["lines"] = [UNREHEARSED.format(host=given.host, down=" and ".join(now.down))]
    result.update(server={**given.own, "done": not now.steps}, turn=shown(now))


def end(run: Run, given: Given, result: Result) -> None:
    """The roll is over: this server would start on the backend again, and nothing keeps it from starting."""
    now = given.now()
    if now.first and now.end.forgets:
        result["lines"] = [now.end.forgotten]
    given = given.after(given.noted({**given.own, **_kept(given, _read(run, given, rehearses=False))}))
    result["server"] = {**given.own, "done": given.own.get("done") or not given.own["todo"]}
    if given.own["barred"]:
        service = {"state": "started", "manager": given.options.service_manager, "name": given.options.service_name}
        run("Let systemd start the agent again", "raftops.nomad.agent_service", service)
    if given.options.report_dir:
        result["server"]["latency_after"] = _latency(run, given, given.own["data_dir"])
    if not given.options.check_mode:
        _gate("This server is on the backend", given.now().end.on_backend)


def _latency(run: Run, given: Given, data_dir: str) -> Dict[str, float]:
    """For the record: milliseconds for a write to the log in the last interval of the agent's metrics, by name."""
    last = {"data_dir": data_dir, "sample_for": 0}
    try:
        seen = run("See what a write costs", COST, last, asks=True)["cost"]["figures"]
    except Stopped:  # a record without it is no reason to stop a roll
        return {}
    names = {"dispatch": figures.DISPATCH, "commit": figures.COMMIT, "store": figures.STORE}
    return {name: seen[key]["mean_ms"] for key, name in names.items() if seen.get(key)}


def _read(run: Run, given: Given, rehearses: bool) -> Mapping[str, Any]:
    """The look itself, once it can be relied on."""
    options = given.options
    args = {
        "backend": options.backend,
        "wal_segment_size": options.wal_segment_size,
        "data_dir": options.data_dir,
        "config_path": list(options.config_path) or None,
        "snapshot_dir": options.snapshot_dest,
        "rehearse": rehearses,
    }
    found: Mapping[str, Any] = run("Look at this server", LOOK, {**given.agent, **args})["server"]
    told = servers.refusal(given.host, found, options)
    if told:
        raise Stopped("What was read can be relied on", told)
    return found


def _kept(given: Given, found: Mapping[str, Any]) -> Dict[str, Any]:
    return servers.values(servers.found(given.host, found, given.options))


def _gate(name: str, gate: Any) -> None:
    if gate.refused:
        raise Stopped(name, gate.refusal)
