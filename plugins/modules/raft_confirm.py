#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_confirm
short_description: Ask once, for the whole cluster, before it is changed
version_added: 1.0.0
description:
  - Asks the person at the terminal and goes on only if the answer is V(yes). All hosts of the task share one question
    and one answer.
  - Unlike M(ansible.builtin.pause) it fails when there is no terminal, or when nobody answers in time. Under
    ansible-runner and AWX there is a terminal, but nobody types at it.
extends_documentation_fragment:
  - raftops.nomad._attributes.controller
  - raftops.nomad._attributes.info
  - raftops.nomad._attributes
attributes:
  check_mode:
    support: full
    details:
      - Never asks in check mode.
  idempotent:
    support: full
    details:
      - Changes nothing. It asks each time.
options:
  msg:
    description:
      - What is about to be done, as a sentence. The names of the hosts and the question are added.
    type: str
    required: true
  hosts:
    description:
      - The hosts to name in the question, in this order. By default all hosts of the play, since more than one batch of
        C(serial) will be changed.
    type: list
    elements: str
  force:
    description:
      - Go on without asking. In the playbooks of this collection this is the variable C(raft_logstore_force).
    type: bool
    default: false
  timeout:
    description:
      - Seconds within which somebody has to answer, 0 for as long as it takes. In the playbooks of this collection
        this is the variable C(raft_logstore_confirm_timeout).
      - E(RAFTOPS_CONFIRM_TIMEOUT) in the environment of the controller comes first.
    type: int
    default: 120
seealso:
  - module: raftops.nomad.raft_migrate_backend
author:
  - raftops.nomad contributors (@raftops)
"""

EXAMPLES = r"""
- name: Ask before the roll
  raftops.nomad.raft_confirm:
    msg: The Raft log store of these servers will be moved to WAL, one server at a time.
    hosts: "{{ groups['raft_logstore_queue'] }}"
    force: "{{ raft_logstore_force }}"
"""

RETURN = r"""
asked:
  description: Whether a person was asked. False with O(force=true) and in check mode.
  returned: success
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "msg": {"type": "str", "required": True},
            "hosts": {"type": "list", "elements": "str"},
            "force": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    module.fail_json(msg="raft_confirm asks on the controller. Call it as raftops.nomad.raft_confirm from a task.")


if __name__ == "__main__":
    main()
