#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_transfer_leadership
short_description: Move the leadership of a Nomad cluster and prove that it moved
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - Without O(server_id), the server asked gives leadership up to the best candidate. If it does not lead, nothing
    changes.
  - With O(server_id), that server becomes leader. If it leads already, nothing changes.
  - Afterwards the module waits until the server asked says, O(stable_for) seconds in a row, that the chosen server
    leads and that no election is under way. It fails if leadership comes back or goes elsewhere.
  - With ACLs it needs a management token; no weaker one can move leadership.
extends_documentation_fragment:
  - raftops.nomad._connection
  - raftops.nomad._attributes
  - raftops.nomad._attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - The candidate is chosen for real, but leadership is not moved.
  diff_mode:
    support: none
  action:
    support: full
    details:
      - It shows what is waited for, once that takes long.
options:
  server_id:
    description:
      - Raft ID of the server that should lead.
    type: str
  candidates:
    description:
      - Raft IDs of servers that may become leader when O(server_id) is not given, such as those already migrated,
        best first.
      - The first healthy voter in the list is chosen. Without this list it is the healthy voter with the longest
        log.
    type: list
    elements: str
  target_host:
    description:
      - Address of the new leader's own HTTP API. If given, that server is also asked whether it leads.
      - Only useful with O(server_id), or with one entry in O(candidates).
    type: str
  target_port:
    description:
      - Port of the new leader's own HTTP API. Left out, the port of the agent asked.
    type: int
  wait_timeout:
    description:
      - Seconds within which the new leader must be proven.
    type: int
    default: 30
  stable_for:
    description:
      - Seconds in a row for which it must lead.
    type: float
    default: 2
  progress_file:
    description:
      - As O(raftops.nomad.server_wait#module:progress_file). The module's action makes one of its own.
    type: path
seealso:
  - module: raftops.nomad.server_wait
"""

EXAMPLES = r"""
- name: Give leadership up, if this server has it, before it is stopped
  raftops.nomad.raft_transfer_leadership:
    candidates:
      - 1e70156a-c6aa-01a1-ba14-e2df5513ced6

- name: Make one server lead
  raftops.nomad.raft_transfer_leadership:
    server_id: 1e70156a-c6aa-01a1-ba14-e2df5513ced6
    target_host: 10.0.0.12
"""

RETURN = r"""
from:
  description: The leader found at the beginning.
  returned: always
  type: dict
  contains:
    id:
      description: Raft ID.
      type: str
      sample: e93eaec1-b82a-bf92-f2a5-79d404511e21
    address:
      description: RPC address.
      type: str
      sample: 127.0.0.11:4647
    name:
      description: Name in the cluster.
      type: str
      sample: s1.global
to:
  description: The leader at the end, or the candidate chosen in check mode. The same as RV(from) when nothing had
    to change.
  returned: always
  type: dict
  contains:
    id:
      description: Raft ID.
      type: str
      sample: 1e70156a-c6aa-01a1-ba14-e2df5513ced6
    address:
      description: RPC address.
      type: str
      sample: 127.0.0.12:4647
    name:
      description: Name in the cluster.
      type: str
      sample: s2.global
elapsed:
  description: Seconds from the request to the end of the proof.
  returned: always
  type: float
  sample: 2.3
denied:
  description: Whether it failed because the token may not move leadership. In that case nothing has changed.
  returned: failure
  type: bool
  sample: true
reason:
  description: One sentence on what was done, or why nothing was.
  returned: always
  type: str
  sample: s2.global leads instead of s1.global, for 2 s in a row
"""

import os
import time

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.answers import Server
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import argument_spec, from_params
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.leadership import Goal, plan, prove
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError, Denied
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._progress import waits_file

SPEC = {
    "server_id": {"type": "str"},
    "candidates": {"type": "list", "elements": "str"},
    "target_host": {"type": "str"},
    "target_port": {"type": "int"},
    "wait_timeout": {"type": "int", "default": 30},
    "stable_for": {"type": "float", "default": 2},
    "progress_file": {"type": "path"},
}


class MayNotMove(AgentError):
    """The token was refused for the transfer itself, not for a question before it."""


def side(server: Server) -> dict:
    """A server as `from` and `to` show it."""
    return {"id": server.id, "address": server.address, "name": server.name}


def transfer(module: Module, client: Client) -> dict:
    """Decide, move and prove; returns the result. Raises AgentError."""
    params = module.params
    autopilot = client.autopilot_health()[1]
    decided = plan(autopilot, client.agent_self().id, Goal(params["server_id"] or "", params["candidates"]))
    leader, target = decided
    result = {"changed": leader != target, "from": side(leader), "to": side(target), "elapsed": 0.0}
    if leader == target:
        return dict(result, reason=f"{leader.name} leads already, nothing has to move")
    if module.check_mode:
        return dict(result, reason=f"{target.name} would lead instead of {leader.name}")
    start = time.monotonic()
    try:
        client.transfer_leadership(target.id)
    except Denied as error:
        raise MayNotMove(str(error)) from error
    itself, limits = target_client(client, params), (params["wait_timeout"], params["stable_for"])
    with waits_file(params["progress_file"]) as tell:
        outcome = prove(
            client, itself, target, *limits, tell=lambda what: tell(f"waits until {target.name} leads: {what}")
        )
    result["elapsed"] = round(time.monotonic() - start, 3)
    if not outcome.satisfied:
        what = f"leadership was given to {target.name}, but it is not proven: {outcome.last.verdict.reason}"
        raise AgentError(what, "Look at the cluster, then run again.")
    stable = f"for {params['stable_for']:g} s in a row"
    return dict(result, reason=f"{target.name} leads instead of {leader.name}, {stable}")


def target_client(client: Client, params: dict) -> Client | None:
    """A client for the new leader's own API, when its address is given."""
    if not params["target_host"]:
        return None
    port = params["target_port"] or client.connection.port
    return Client(client.connection._replace(host=params["target_host"], port=port))


def main() -> None:
    module = Module(
        argument_spec=dict(argument_spec(), **SPEC),
        mutually_exclusive=[("server_id", "candidates")],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**transfer(module, Client(from_params(module.params, os.environ))))
    except AgentError as error:
        module.fail_json(msg=str(error), denied=isinstance(error, MayNotMove))


if __name__ == "__main__":
    main()
