#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_assess
short_description: Say whether it is worth it to move the Raft log store of a cluster
version_added: 1.0.0
description:
  - Judges what was measured on all servers of a cluster, and shows it as a table with a verdict.
  - The role C(raft_logstore) uses it. That a roll would be refused now is no failure, but RV(assessment.refusal).
  - The result is also given to C(set_stats), as C(raft_logstore_assessment), without its lines.
extends_documentation_fragment:
  - raftops.nomad._attributes.controller
  - raftops.nomad._attributes.info
  - raftops.nomad._attributes
options:
  servers:
    description:
      - As O(raftops.nomad.roll_plan#module:servers).
    type: list
    elements: dict
    required: true
  costs:
    description:
      - What M(raftops.nomad.raft_cost_info) has returned on these servers, in any order. Each is known by its Raft ID.
    type: list
    elements: dict
    default: []
  disks:
    description:
      - The same of M(raftops.nomad.raft_disk_info). Without, it is not known how long a server would be out.
    type: list
    elements: dict
    default: []
  options:
    description:
      - As O(raftops.nomad.roll_plan#module:options).
    type: dict
    default: {}
  file:
    description:
      - A file on the controller for the result, as JSON without its lines. What is there is replaced. Its directory
        must exist. In check mode none is written.
    type: path
seealso:
  - module: raftops.nomad.raft_cost_info
  - module: raftops.nomad.raft_disk_info
  - module: raftops.nomad.roll_plan
author:
  - raftops.nomad contributors (@raftops)
"""

EXAMPLES = r"""
- name: Measure one server
  raftops.nomad.raft_cost_info:
    data_dir: /opt/nomad/data
  register: measured

- name: Judge what was measured
  raftops.nomad.raft_assess:
    servers: "{{ groups['nomad_servers'] | map('extract', hostvars, 'raft_logstore_server') | select('defined') }}"
    costs: ["{{ measured }}"]
    file: /tmp/assessment.json
  run_once: true
"""

RETURN = r"""
assessment:
  description: The assessment. The page Assess of the documentation says what each figure means.
  returned: success
  type: dict
  contains:
    version:
      description: Version of this form. It changes when a name changes its meaning or goes.
      type: int
      sample: 1
    backend:
      description: The backend that was asked about.
      type: str
      sample: wal
    gain:
      description: V(worth it), V(some gain), V(little to gain), V(nothing to gain) or V(not known).
      type: str
      sample: little to gain
    verdict:
      description: The same as a sentence, with its reasons.
      type: str
      sample: "little to gain: 0.2 writes a second, freelist 56 Bytes."
    refused:
      description: Whether a roll would be refused now.
      type: bool
      sample: false
    refusal:
      description: Why. Otherwise empty.
      type: str
      sample: ""
    notes:
      description: What the plan of a roll would say beside.
      type: list
      elements: str
      sample: []
    longest_out_s:
      description: Seconds for which a server would be out of the cluster, of the one where it takes longest. Null where
        none would be, or it was not measured.
      type: float
      sample: 0.9
    servers:
      description: The same for each server, with what was measured on it.
      type: list
      elements: dict
      sample: [{host: nomad-1, role: leader, gain: little to gain, out_s: 0.9}]
    lines:
      description: The lines that were shown.
      type: list
      elements: str
      sample: ["Worth it? Hardly: 0.2 writes a second, freelist 56 Bytes."]
"""

from ansible.module_utils.basic import AnsibleModule

SPEC = {
    "servers": {"type": "list", "elements": "dict", "required": True},
    "costs": {"type": "list", "elements": "dict", "default": []},
    "disks": {"type": "list", "elements": "dict", "default": []},
    "options": {"type": "dict", "default": {}},
    "file": {"type": "path"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    module.fail_json(msg="raft_assess works on the controller. Call it as raftops.nomad.raft_assess from a task.")


if __name__ == "__main__":
    main()
