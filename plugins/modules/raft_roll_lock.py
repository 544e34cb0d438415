#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_roll_lock
short_description: Keep two rolls through the same servers apart on one controller
version_added: 1.0.0
description:
  - Fails while another run of Ansible on this controller, under any user and with any inventory, rolls one of the same
    servers. Otherwise this run keeps others out until it ends, however it ends.
  - The run leaves a note in C(/tmp) that counts only while its process lives. Notes of dead processes are
    ignored. The next run of the same user removes them.
  - Runs on different controllers do not see each other here. See O(raftops.nomad.autopilot_config#module:origin).
extends_documentation_fragment:
  - raftops.nomad._attributes.controller
  - raftops.nomad._attributes.info
  - raftops.nomad._attributes
attributes:
  check_mode:
    support: full
    details:
      - Fails in check mode too, but does not keep others out.
  idempotent:
    support: full
    details:
      - Within one run of Ansible it can be called again. What it leaves ends with that run.
options:
  servers:
    description:
      - Raft IDs of the servers.
    type: list
    elements: str
    required: true
seealso:
  - module: raftops.nomad.autopilot_config
author:
  - raftops.nomad contributors (@raftops)
"""

EXAMPLES = r"""
- name: No other run here rolls these servers
  raftops.nomad.raft_roll_lock:
    servers: "{{ groups.nomad_servers | map('extract', hostvars, ['looked', 'server', 'store', 'node_id']) }}"
"""

RETURN = r"""
locked:
  description: Whether this run keeps others out now. False in check mode.
  returned: success
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(
        argument_spec={"servers": {"type": "list", "elements": "str", "required": True}},
        supports_check_mode=True,
    )
    module.fail_json(msg="raft_roll_lock works on the controller. Call it as raftops.nomad.raft_roll_lock from a task.")


if __name__ == "__main__":
    main()
