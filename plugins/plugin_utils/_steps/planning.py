# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan a roll: show it, see that nothing stands against it, ask before anything is changed."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Sequence

from ansible_collections.raftops.nomad.plugins.module_utils._roll import copying
from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options
from ansible_collections.raftops.nomad.plugins.module_utils._roll.plan import Plan, plan
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import Server, view
from ansible_collections.raftops.nomad.plugins.plugin_utils._confirm import NotAsked
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import shown
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import WAIT, Run, Stopped, say


class Asking(NamedTuple):
    """Whether nobody is asked, and for how many seconds the answer is waited for, 0 for ever."""

    force: bool
    timeout_s: int


def to_copy(servers: List[Server], options: Options, needing: Sequence[str]) -> Options:
    """The options of a run that copies the store of one of the hosts in `needing`; of a roll, where there are none."""
    if not needing:
        return options
    host = copying.chosen(servers, needing)
    if not host:
        raise Stopped("A follower can be stopped for the rehearsal", copying.ONLY_THE_LEADER)
    return options._replace(copies=host)


def make_plan(run: Run, servers: List[Server], options: Options, asking: Asking, result: Dict[str, Any]) -> None:
    """Runs on the speaker of the servers, whose API is asked.

    Where a person will be asked, the question shows the plan; only what there is to know before comes above it.
    """
    made = plan(servers, options)
    result.update(shown(made))
    will_ask = made.begins and not (made.refused or asking.force or options.check_mode)
    if not will_ask:
        say(made.lines)
    try:
        made = _judged(run, servers, options, made)
    except Stopped as stopped:
        result.update(stopped.result)
        if will_ask:
            say(made.lines)
        raise
    result.update(shown(made))
    if will_ask:
        say(made.notes)
    if made.begins:
        said = {"msg": made.question, "hosts": made.busy, "force": asking.force, "timeout": asking.timeout_s}
        try:
            run("Ask before anything is changed", "raftops.nomad.raft_confirm", said)
        except Stopped as stopped:
            if isinstance(stopped.__cause__, NotAsked):
                say([line for line in made.lines if line not in made.notes])
            raise


def _judged(run: Run, servers: List[Server], options: Options, made: Plan) -> Plan:
    """The plan once it is known how many servers the cluster can lose. Raises Stopped at the first closed gate."""
    if made.refused:
        raise Stopped("Nothing stands against the roll", made.refusal)
    run("No other run here rolls these servers", "raftops.nomad.raft_roll_lock", {"servers": made.ids})
    if not made.asks:
        return made
    question = {
        "until": made.until,
        "server_id": made.without,
        "repair": made.repair,
        "allow_outage": options.allow_outage,
        "wait_timeout": made.wait_timeout,
        "stable_for": 1,
    }
    asked = run("The cluster is healthy", WAIT, question, asks=True)
    made = plan(servers, options, view(asked["observation"]["autopilot"]))
    if made.refused:
        raise Stopped("The cluster can lose enough servers", made.refusal, shown(made))
    return made
