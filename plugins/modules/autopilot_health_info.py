#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: autopilot_health_info
short_description: What the leader says about all servers of a Nomad cluster
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - Asks for the autopilot health of the cluster. Whichever agent is asked, the leader answers.
  - With ACLs it needs a token with C(operator:read).
  - The leader calls a stopped server healthy for up to 40 more seconds, and a restarted one before it has
    applied anything. Use M(raftops.nomad.server_wait) to find out whether a server is back, or may be stopped.
extends_documentation_fragment:
  - raftops.nomad._connection
  - raftops.nomad._attributes.info
  - raftops.nomad._attributes
  - raftops.nomad._attributes.action_group
options:
  required:
    description:
      - Whether it is a failure when there is no such answer, for example without a leader.
      - With V(false) the task succeeds and RV(answered), RV(status) and RV(error) describe this. An unhealthy cluster
        counts as an answer either way.
    type: bool
    default: true
seealso:
  - module: raftops.nomad.server_wait
  - module: raftops.nomad.agent_info
"""

EXAMPLES = r"""
- name: Look at the cluster
  raftops.nomad.autopilot_health_info:
  register: cluster

- name: Refuse to go on with an unhealthy one
  ansible.builtin.assert:
    that:
      - cluster.autopilot.healthy
      - cluster.autopilot.failure_tolerance >= 1
"""

RETURN = r"""
answered:
  description: Whether there is an answer, even one that says that the cluster is not healthy.
  returned: always
  type: bool
  sample: true
status:
  description: HTTP status of the answer, V(200) when healthy, V(429) when not, V(0) when there was none.
  returned: always
  type: int
  sample: 200
error:
  description: Why there is no RV(autopilot), an empty string when there is one.
  returned: always
  type: str
  sample: ""
url:
  description: The agent that was asked.
  returned: always
  type: str
  sample: http://127.0.0.1:4646
autopilot:
  description: The leader's view. Null when RV(answered) is false.
  returned: always
  type: dict
  contains:
    healthy:
      description: Whether all servers are healthy.
      type: bool
      sample: true
    failure_tolerance:
      description: How many more voters may fail. V(0) whenever RV(autopilot.healthy) is false.
      type: int
      sample: 1
    leader:
      description: Raft ID of the leader, empty in the first seconds after an election.
      type: str
      sample: e93eaec1-b82a-bf92-f2a5-79d404511e21
    voters:
      description: Raft IDs of the voters, sorted.
      type: list
      elements: str
      sample: [0c36f51e-b2bb-1b17-949f-a5a934efe5a8, 1e70156a-c6aa-01a1-ba14-e2df5513ced6,
        e93eaec1-b82a-bf92-f2a5-79d404511e21]
    servers:
      description: All servers, sorted by name. Empty in the first seconds after an election.
      type: list
      elements: dict
      contains:
        id:
          description: Raft ID.
          type: str
          sample: e93eaec1-b82a-bf92-f2a5-79d404511e21
        name:
          description: Name in the cluster, with its region.
          type: str
          sample: s1.global
        address:
          description: RPC address.
          type: str
          sample: 127.0.0.11:4647
        serf_status:
          description: V(alive), V(left), V(failed) or V(none). Nomad shows a failed server as V(left) here.
          type: str
          sample: alive
        version:
          description: Version of the server.
          type: str
          sample: 2.0.5
        leader:
          description: Whether it leads.
          type: bool
          sample: true
        voter:
          description: Whether it has a vote.
          type: bool
          sample: true
        healthy:
          description: Whether the leader calls it healthy.
          type: bool
          sample: true
        last_contact:
          description: Time since the last contact with the leader, as Nomad writes it.
          type: str
          sample: 27.29ms
        last_term:
          description: Term of its last entry, as last asked.
          type: int
          sample: 6
        last_index:
          description: Index of its last entry, as last asked.
          type: int
          sample: 316
        stable_since:
          description: Since when the current leader has known it. Nomad does not reset this when a server fails and
            comes back.
          type: str
          sample: "2026-11-22T10:41:29Z"
"""

import os

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import argument_spec, from_params
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError, ApiError
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module


def main() -> None:
    spec = dict(argument_spec(), required={"type": "bool", "default": True})
    module = Module(argument_spec=spec, supports_check_mode=True)
    try:
        connection = from_params(module.params, os.environ)
        result = {"changed": False, "answered": True, "error": "", "url": connection.url}
        status, autopilot = Client(connection).autopilot_health()
        module.exit_json(status=status, autopilot=autopilot.as_dict(), **result)
    except ApiError as error:
        result.update(answered=False, status=error.status, error=str(error), autopilot=None)
        if module.params["required"]:
            module.fail_json(msg=str(error), **result)
        module.exit_json(**result)
    except AgentError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
