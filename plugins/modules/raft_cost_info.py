#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_cost_info
short_description: What the Raft log of a running Nomad server costs
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - Samples the agent's own metrics for some seconds, and looks at the size of its store. Changes nothing, and reads no
    store that is in use.
  - A part that is not known is no failure. It is null then, and RV(cost.errors) says why.
  - The playbook C(assess) shows the results of all servers, with a verdict.
extends_documentation_fragment:
  - raftops.nomad._connection
  - raftops.nomad._attributes.info
  - raftops.nomad._attributes
  - raftops.nomad._attributes.action_group
options:
  data_dir:
    description:
      - The C(data_dir) of the Nomad agent. Its C(server) or C(server/raft) directory is accepted as well.
    type: path
    required: true
    aliases: [path]
  sample_for:
    description:
      - Seconds for which the metrics are sampled. Nomad has them for intervals of 10 seconds, and shows each when it is
        over. With V(0) it is the last one.
    type: int
    default: 60
seealso:
  - module: raftops.nomad.raft_disk_info
  - module: raftops.nomad.raft_store_info
  - module: raftops.nomad.server_info
"""

EXAMPLES = r"""
- name: See what a commit costs now
  raftops.nomad.raft_cost_info:
    data_dir: /opt/nomad/data
    sample_for: 20
  register: now

- name: Show it
  ansible.builtin.debug:
    msg: "{{ now.cost.figures.store.mean_ms }} ms to store an entry, {{ now.cost.figures.commits_per_s }} a second"
"""

RETURN = r"""
cost:
  description: What was measured.
  returned: success
  type: dict
  contains:
    id:
      description: Raft ID of the server, from the file C(node-id) on its disk. Empty if there is none.
      type: str
      sample: e93eaec1-b82a-bf92-f2a5-79d404511e21
    backend:
      description: The backend that runs, else the one whose files are there.
      type: str
      sample: boltdb
    size:
      description: Size of the store's files in bytes.
      type: int
      sample: 33619968
    entries:
      description: How many entries are in the log at most, from the agent's indexes. Null if it does not answer.
      type: int
      sample: 2068
    data_bytes:
      description: About how many bytes the entries have. Null as RV(cost.entries).
      type: int
      sample: 20971520
    live_bytes:
      description: How many bytes of the store's pages or segments hold entries. Null as RV(cost.entries).
      type: int
      sample: 20971520
    no_freelist_sync:
      description: Whether BoltDB is configured not to write its freelist.
      type: bool
      sample: false
    figures:
      description: >-
        From the agent's metrics. Null where it shows no such metric: those of the leader on a follower, those of BoltDB
        on the WAL, and the times of a server without writes.
      type: dict
      contains:
        seconds:
          description: How much time the figures are of.
          type: float
          sample: 60.0
        commits_per_s:
          description: Writes to the store a second.
          type: float
          sample: 42.6
        entries_per_s:
          description: Entries written a second.
          type: float
          sample: 42.6
        bytes_per_s:
          description: Bytes of entries written a second.
          type: float
          sample: 15802.8
        dispatch:
          description: The leader's C(nomad.raft.leader.dispatchLog), an entry into its own store.
          type: dict
          sample: {number: 427, mean_ms: 0.766, max_ms: 8.621}
        commit:
          description: The leader's C(nomad.raft.commitTime), until a quorum has the entry.
          type: dict
          sample: {number: 426, mean_ms: 1.969, max_ms: 13.806}
        store:
          description: A follower's C(nomad.raft.rpc.appendEntries.storeLogs), entries into its own store.
          type: dict
          sample: {number: 427, mean_ms: 0.781, max_ms: 4.657}
        freelist_bytes:
          description: Bytes of BoltDB's freelist, which each commit writes anew.
          type: int
          sample: 56
        free_pages:
          description: Pages of C(raft.db) that hold nothing.
          type: int
          sample: 5
        free_bytes:
          description: Bytes of these pages.
          type: int
          sample: 20480
        commit_bytes:
          description: Bytes of pages that BoltDB has written for each commit, the freelist's among them.
          type: int
          sample: 22657
    errors:
      description: Why a part is not known, by C(metrics) and C(store).
      type: dict
      sample: {}
"""

import os

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import argument_spec, from_params
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._measure.cost import cost


def main() -> None:
    spec = dict(
        argument_spec(),
        data_dir={"type": "path", "required": True, "aliases": ["path"]},
        sample_for={"type": "int", "default": 60},
    )
    module = Module(argument_spec=spec, supports_check_mode=True)
    given = module.params
    try:
        found = cost(Client(from_params(given, os.environ)), given["data_dir"], given["sample_for"])
    except AgentError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, cost=found)


if __name__ == "__main__":
    main()
