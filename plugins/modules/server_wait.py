#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_wait
short_description: Wait until a Nomad server is back, or may be stopped
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - Asks the agent again and again until a condition holds for O(stable_for) seconds in a row. If that does not happen
    within O(wait_timeout), it fails with the last answer.
  - The conditions are judged from the API's answers only. Each verdict comes with a sentence that says what is missing.
  - "V(back): the server itself answers, is follower or leader, has applied entries, all those committed, is close to
    the leader and, if O(backend) is given, runs on it. In the leader's view it is there with the same
    ID, alive and healthy, the set of voters is O(voters) and the failure tolerance is at least
    O(failure_tolerance), where these are given. The Raft configuration that the server has itself is the leader's:
    the same IDs, addresses and voters."
  - "V(stoppable): the cluster has a settled leader, all servers are alive and healthy, the voters are O(voters) if
    these are given, the failure tolerance is at least O(min_failure_tolerance) and the voters that remain without
    this server are a majority. The server asked is the one that may be stopped, or O(server_id); its own Raft
    configuration must be the leader's."
  - "V(serving): the server itself is as V(back) requires; the leader's view of it does not matter. Use it to ask every
    other voter directly before one is stopped."
  - "V(healthy): the cluster has a settled leader, all its servers are alive and healthy, and the voters are
    O(voters) if these are given."
  - With ACLs it needs a token with C(agent:read) and C(operator:read). A refusal is not final here, because a
    restarted server knows no tokens for some seconds.
extends_documentation_fragment:
  - raftops.nomad._connection
  - raftops.nomad._attributes
  - raftops.nomad._attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - The condition is checked once, for real, without waiting. RV(waited) is false, and the task does not fail
        if the condition does not hold; see RV(satisfied).
      - For a gate that must fail in check mode too, give the task C(check_mode=false) and O(wait_timeout=0).
        This module changes nothing.
  diff_mode:
    support: N/A
    details:
      - This module changes nothing.
  action:
    support: full
    details:
      - It shows what a wait of more than five seconds waits for.
options:
  until:
    description:
      - The condition.
    type: str
    choices: [back, stoppable, serving, healthy]
    default: back
  server_id:
    description:
      - Raft ID that the server must have.
      - Left out, the server asked is meant, whatever its ID. Set it wherever a wrong address would matter.
    type: str
  backend:
    description:
      - Backend on which the server must run.
    type: str
    choices: [boltdb, wal]
  voters:
    description:
      - Raft IDs of all voters that the cluster must have, no more and no fewer. Usually an earlier
        C(observation.autopilot.voters).
    type: list
    elements: str
  failure_tolerance:
    description:
      - Least failure tolerance of the cluster, for O(until=back).
    type: int
    default: 0
  min_failure_tolerance:
    description:
      - Least failure tolerance of the cluster before a voter is stopped, for O(until=stoppable).
    type: int
    default: 1
  allow_outage:
    description:
      - For O(until=stoppable), whether a voter may be stopped even if the others are not a majority. That means an
        outage, and is the only way in clusters of one or two servers.
      - O(min_failure_tolerance) is then ignored.
    type: bool
    default: false
  follower:
    description:
      - For O(until=stoppable), whether the server must not be the leader. Ask this just before a stop, because
        leadership that was moved can come back.
    type: bool
    default: false
  repair:
    description:
      - For O(until=stoppable), whether the server is already down or interrupted. Its own state then does not count.
        The others must be alive, healthy voters and a majority without it.
      - This needs O(server_id), because the server cannot be asked; O(host) is that of another server.
    type: bool
    default: false
  max_lag:
    description:
      - How many entries the server may be behind the leader's last entry, for O(until=back) and O(until=serving).
    type: int
    default: 250
  wait_timeout:
    description:
      - Seconds within which the condition must hold. With V(0) it is checked once.
    type: int
    default: 300
  stable_for:
    description:
      - Seconds in a row for which the condition must hold. Not used with O(wait_timeout=0).
    type: float
    default: 10
  interval:
    description:
      - Seconds between two checks.
    type: float
    default: 0.5
  progress_file:
    description:
      - A file to be created once the wait has lasted five seconds, and removed at its end. It has one line of JSON, in
        which C(waits) says what is waited for. It must not exist yet.
      - The module's action makes one of its own below C(/tmp), and shows a new line at most every ten seconds.
    type: path
seealso:
  - module: raftops.nomad.autopilot_health_info
  - module: raftops.nomad.agent_info
"""

EXAMPLES = r"""
- name: Who is this server?
  raftops.nomad.agent_info:
    required: true
  register: nomad

- name: May this server be stopped now?
  raftops.nomad.server_wait:
    until: stoppable
    server_id: "{{ nomad.agent.id }}"
    wait_timeout: 60
    stable_for: 5
  register: before

- name: Wait until it is back on WAL with everybody as before
  raftops.nomad.server_wait:
    until: back
    server_id: "{{ nomad.agent.id }}"
    backend: wal
    voters: "{{ before.observation.autopilot.voters }}"
    failure_tolerance: "{{ before.observation.autopilot.failure_tolerance }}"
"""

RETURN = r"""
satisfied:
  description: Whether the condition holds. In check mode, and with O(wait_timeout=0), whether it held at the one check.
  returned: always
  type: bool
  sample: true
waited:
  description: Whether the module waited, false in check mode and with O(wait_timeout=0).
  returned: always
  type: bool
  sample: true
reason:
  description: One sentence on the state found, or on the first thing that is missing.
  returned: always
  type: str
  sample: s1.global runs on wal, is a follower, has applied entry 683 and is a healthy voter
elapsed:
  description: Seconds waited.
  returned: always
  type: float
  sample: 15.1
looks:
  description: How many times the condition was checked.
  returned: always
  type: int
  sample: 31
good_since:
  description: Seconds on the host's monotonic clock since when the condition has held, comparable with
    RV(raftops.nomad.agent_service#module:ended). Null when it does not hold.
  returned: always
  type: float
  sample: 81242.310
observation:
  description: The last answers.
  returned: always
  type: dict
  contains:
    agent:
      description: What the server itself said, as RV(raftops.nomad.agent_info#module:agent). Null when it did not
        answer, or was not asked.
      type: dict
    agent_error:
      description: Why there is no RV(observation.agent), else empty.
      type: str
      sample: ""
    autopilot:
      description: What the leader said, as RV(raftops.nomad.autopilot_health_info#module:autopilot). Null when
        there was no answer, or none was asked for.
      type: dict
    autopilot_error:
      description: Why there is no RV(observation.autopilot), else empty.
      type: str
      sample: ""
"""

import os

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import argument_spec, from_params
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.health import Wanted
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.observe import look
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.waiter import wait_until
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._progress import waits_file

SPEC = {
    "until": {"type": "str", "choices": ["back", "stoppable", "serving", "healthy"], "default": "back"},
    "server_id": {"type": "str"},
    "backend": {"type": "str", "choices": ["boltdb", "wal"]},
    "voters": {"type": "list", "elements": "str"},
    "failure_tolerance": {"type": "int", "default": 0},
    "min_failure_tolerance": {"type": "int", "default": 1},
    "allow_outage": {"type": "bool", "default": False},
    "follower": {"type": "bool", "default": False},
    "repair": {"type": "bool", "default": False},
    "max_lag": {"type": "int", "default": 250},
    "wait_timeout": {"type": "int", "default": 300},
    "stable_for": {"type": "float", "default": 10},
    "interval": {"type": "float", "default": 0.5},
    "progress_file": {"type": "path"},
}
WAITS = {
    "back": "waits until it is back",
    "stoppable": "waits until the server may be stopped",
    "serving": "waits until it serves",
    "healthy": "waits until the cluster is healthy",
}


def wanted(params: dict) -> Wanted:
    """What the options ask for."""
    return Wanted(
        server_id=params["server_id"] or "",
        backend=params["backend"] or "",
        voters=None if params["voters"] is None else frozenset(params["voters"]),
        failure_tolerance=params["failure_tolerance"],
        max_lag=params["max_lag"],
        min_failure_tolerance=params["min_failure_tolerance"],
        allow_outage=params["allow_outage"],
        follower=params["follower"],
        repair=params["repair"],
    )


def main() -> None:
    module = Module(
        argument_spec=dict(argument_spec(), **SPEC),
        required_if=[("repair", True, ["server_id"])],
        supports_check_mode=True,
    )
    params = module.params
    if params["interval"] < 0.05:
        module.fail_json(msg="interval must be at least 0.05 seconds")
    if params["repair"] and params["until"] != "stoppable":
        module.fail_json(msg="repair is only for until=stoppable")
    waits = params["wait_timeout"] > 0 and not module.check_mode
    try:
        client = Client(from_params(params, os.environ))
        with waits_file(params["progress_file"]) as tell:
            outcome = wait_until(
                lambda: look(client, params["until"], wanted(params)),
                timeout_s=params["wait_timeout"] if waits else 0,
                stable_s=params["stable_for"] if waits else 0,
                interval_s=params["interval"],
                tell=lambda what: tell(f"{WAITS[params['until']]}: {what}"),
            )
    except AgentError as error:
        module.fail_json(msg=str(error))
    reason = outcome.last.verdict.reason
    result = {
        "changed": False,
        "satisfied": outcome.satisfied,
        "waited": waits,
        "reason": reason,
        "elapsed": round(outcome.elapsed_s, 3),
        "looks": outcome.looks,
        "good_since": None if outcome.good_since is None else round(outcome.good_since, 3),
        "observation": outcome.last.observation,
    }
    if not outcome.satisfied and not module.check_mode:
        after = f" after {outcome.elapsed_s:.0f} s" if waits else ""
        module.fail_json(msg=f"Not {params['until']}{after}: {reason}", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
