#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: agent_info
short_description: What a running Nomad agent says about itself
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - Asks one Nomad agent for its version, the backend of its Raft log, its Raft state, its view of the peers and the
    configuration files it has loaded.
  - The answer needs no leader. With ACLs it needs a token with C(agent:read).
extends_documentation_fragment:
  - raftops.nomad._connection
  - raftops.nomad._attributes.info
  - raftops.nomad._attributes
  - raftops.nomad._attributes.action_group
options:
  required:
    description:
      - Whether it is a failure when the agent does not answer, or answers with an error.
      - With V(false) the task succeeds then, and RV(answered), RV(status) and RV(error) describe the server, as a
        status report needs.
    type: bool
    default: true
seealso:
  - module: raftops.nomad.autopilot_health_info
  - module: raftops.nomad.raft_store_info
"""

EXAMPLES = r"""
- name: Ask the agent on this host
  raftops.nomad.agent_info:
  register: nomad

- name: Show the backend it runs on
  ansible.builtin.debug:
    msg: "{{ nomad.agent.name }} runs Nomad {{ nomad.agent.version }} on {{ nomad.agent.backend }}"

- name: Look at a server that may be down
  raftops.nomad.agent_info:
    host: 10.0.0.11
    required: false
"""

RETURN = r"""
answered:
  description: Whether the agent answered the question.
  returned: always
  type: bool
  sample: true
status:
  description: HTTP status of the answer, V(0) when there was none.
  returned: always
  type: int
  sample: 200
down:
  description: Whether nobody listens at that address. Only this kind of silence proves that the agent is stopped.
  returned: always
  type: bool
  sample: false
error:
  description: Why there is no RV(agent), an empty string when there is one.
  returned: always
  type: str
  sample: ""
url:
  description: The agent that was asked.
  returned: always
  type: str
  sample: http://127.0.0.1:4646
agent:
  description: What the agent says. Null when RV(answered) is false.
  returned: always
  type: dict
  contains:
    id:
      description: Raft ID of the server. Empty on an agent that is only a client.
      type: str
      sample: e93eaec1-b82a-bf92-f2a5-79d404511e21
    name:
      description: Name of the server in the cluster, with its region.
      type: str
      sample: s1.global
    region:
      description: Region of the agent.
      type: str
      sample: global
    version:
      description: Version of the running binary, with its pre-release part.
      type: str
      sample: 2.0.5
    enterprise:
      description: Whether this is Nomad Enterprise.
      type: bool
      sample: false
    server:
      description: Whether the agent is a server.
      type: bool
      sample: true
    backend:
      description: The backend of this process's Raft log, V(boltdb) or V(wal). Empty on a client.
      type: str
      sample: boltdb
    state:
      description: Raft state, V(Leader), V(Follower), V(Candidate) or V(Shutdown). Empty on a client.
      type: str
      sample: Follower
    leader_address:
      description: RPC address of the leader as this agent knows it, empty when it knows none.
      type: str
      sample: 127.0.0.11:4647
    rpc_address:
      description: RPC address of this server.
      type: str
      sample: 127.0.0.12:4647
    raft:
      description: Numbers of the Raft state, V(-1) where the agent did not give one.
      type: dict
      contains:
        term:
          description: Current term.
          type: int
          sample: 6
        last_log_index:
          description: Index of the last entry in the log.
          type: int
          sample: 316
        commit_index:
          description: Index up to which entries are known to be committed. V(0) for some seconds after a restart.
          type: int
          sample: 316
        applied_index:
          description: Index up to which entries are applied. V(0) for some seconds after a restart.
          type: int
          sample: 316
        last_snapshot_index:
          description: Index of the newest Raft snapshot.
          type: int
          sample: 0
        num_peers:
          description: Number of other voters, V(0) on a server that is not a voter.
          type: int
          sample: 2
    peers:
      description: The Raft configuration as this server knows it.
      type: list
      elements: dict
      contains:
        id:
          description: Raft ID.
          type: str
          sample: e93eaec1-b82a-bf92-f2a5-79d404511e21
        address:
          description: RPC address.
          type: str
          sample: 127.0.0.11:4647
        voter:
          description: Whether it has a vote.
          type: bool
          sample: true
    data_dir:
      description: C(data_dir) of the agent.
      type: str
      sample: /opt/nomad/data
    raft_dir:
      description: Directory of the Raft log, following C(server.data_dir). Empty on a client.
      type: str
      sample: /opt/nomad/data/server/raft
    config_paths:
      description: The C(-config) arguments that the agent runs with.
      type: list
      elements: str
      sample: [/etc/nomad.d]
    config_files:
      description: The files it has loaded, in the order in which they were merged.
      type: list
      elements: str
      sample: [/etc/nomad.d/nomad.hcl]
    leave_on_interrupt:
      description: Whether the server leaves the cluster when it is stopped with SIGINT.
      type: bool
      sample: false
    leave_on_terminate:
      description: Whether the server leaves the cluster when it is stopped with SIGTERM.
      type: bool
      sample: false
    raft_logstore:
      description: The C(raft_logstore) block as the agent has loaded it, null when there is none.
      type: dict
      contains:
        backend:
          description: The backend in the block, empty when it names none.
          type: str
          sample: wal
        wal_segment_size:
          description: C(segment_size_mb) in the block, null when it names none.
          type: int
          sample: 64
        no_freelist_sync:
          description: C(no_freelist_sync) in the block, null when it names none.
          type: bool
          sample: false
        disable_log_cache:
          description: C(disable_log_cache) in the block.
          type: bool
          sample: false
    raft_boltdb:
      description: Whether the agent has loaded the deprecated C(raft_boltdb) block.
      type: bool
      sample: false
    acl_enabled:
      description: Whether the agent requires ACL tokens.
      type: bool
      sample: true
"""

import os

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import argument_spec, from_params
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.observe import ask_itself
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module


def main() -> None:
    spec = dict(argument_spec(), required={"type": "bool", "default": True})
    module = Module(argument_spec=spec, supports_check_mode=True)
    try:
        asked = ask_itself(from_params(module.params, os.environ))
    except AgentError as error:
        module.fail_json(msg=str(error))
    result = dict(asked.as_dict(), changed=False)
    if asked.agent is None and module.params["required"]:
        module.fail_json(msg=asked.error, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
