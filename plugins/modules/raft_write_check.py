#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_write_check
short_description: Prove that a Nomad cluster accepts writes and that this server applies them
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - Writes the cluster's autopilot configuration over itself with compare-and-set, and waits until the server
    asked has applied that very entry. No setting changes, and a change that somebody else makes at the same time is not
    lost.
  - This is the smallest write there is. It works on an idle cluster and takes the path of any other write, from the
    server asked to the leader, through a majority of the voters, and back to the server.
  - With ACLs it needs a token with C(operator:write) and C(agent:read). Without C(operator:write) it waits for the
    next entry that somebody else writes. On an idle cluster there may never be one.
extends_documentation_fragment:
  - raftops.nomad._connection
  - raftops.nomad._attributes
  - raftops.nomad._attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Nothing is written or waited for.
  diff_mode:
    support: none
  action:
    support: full
    details:
      - It shows what is waited for, once that takes long.
  idempotent:
    support: partial
    details:
      - No setting changes and C(changed) is never true, but each run has the cluster write one entry to its log.
options:
  server_id:
    description:
      - Raft ID that the server must have.
    type: str
  wait_timeout:
    description:
      - Seconds within which the entry must be applied.
    type: int
    default: 30
  progress_file:
    description:
      - A file to be created once the wait has lasted five seconds, as
        O(raftops.nomad.server_wait#module:progress_file).
    type: path
seealso:
  - module: raftops.nomad.server_wait
"""

EXAMPLES = r"""
- name: Who is this server?
  raftops.nomad.agent_info:
    required: true
  register: nomad

- name: Does this server apply what is written now?
  raftops.nomad.raft_write_check:
    server_id: "{{ nomad.agent.id }}"
"""

RETURN = r"""
index:
  description: Index of the entry that had to be applied. Null in check mode.
  returned: success
  type: int
  sample: 711
provoked:
  description: Whether the entry was written by this module. False when its token may not, and in check mode.
  returned: success
  type: bool
  sample: true
reason:
  description: One sentence on what was proven, or on the first thing that is missing.
  returned: always
  type: str
  sample: a write came through as entry 711 and s1.global has applied it
elapsed:
  description: Seconds until it was applied.
  returned: always
  type: float
  sample: 0.112
"""

import os

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import argument_spec, from_params
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.writecheck import prove
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._progress import waits_file

SPEC = {"server_id": {"type": "str"}, "wait_timeout": {"type": "int", "default": 30}, "progress_file": {"type": "path"}}


def main() -> None:
    module = Module(argument_spec=dict(argument_spec(), **SPEC), supports_check_mode=True)
    if module.check_mode:
        module.exit_json(
            changed=False,
            skipped=True,
            index=None,
            provoked=False,
            reason="nothing is written in check mode",
            elapsed=0.0,
        )
    try:
        client = Client(from_params(module.params, os.environ))
        with waits_file(module.params["progress_file"]) as tell:
            proof = prove(
                client,
                module.params["server_id"] or "",
                module.params["wait_timeout"],
                tell=lambda what: tell(f"waits until a write comes through: {what}"),
            )
    except AgentError as error:
        module.fail_json(msg=str(error))
    reason, elapsed = proof.waited.last.verdict.reason, round(proof.waited.elapsed_s, 3)
    if not proof.waited.satisfied:
        what = f"The cluster's write path is not proven after {elapsed:.0f} s: {reason}"
        module.fail_json(msg=what, reason=reason, elapsed=elapsed)
    module.exit_json(changed=False, index=proof.entry, provoked=proof.provoked, reason=reason, elapsed=elapsed)


if __name__ == "__main__":
    main()
