#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_fleet_roll
short_description: Plan, roll or look at one cluster of a fleet, in a process of its own
version_added: 1.0.0
description:
  - Runs one playbook of this collection for the cluster for which the inventory host stands, as a process of its own
    on the controller. It goes through C(ansible-runner) where that can be imported, else it is a child
    C(ansible-playbook).
  - The process outlives the task. A later run finds it at work, waits for its end, and never starts a second one.
  - It keeps its records in O(dir). The playbook C(raftops.nomad.fleet) calls it.
extends_documentation_fragment:
  - raftops.nomad._attributes.controller
  - raftops.nomad._attributes
attributes:
  check_mode:
    support: full
    details:
      - Plans for real, as that changes nothing. Rolls nothing.
  diff_mode:
    support: none
    details:
      - The output of the process is kept in O(dir).
  idempotent:
    support: full
    details:
      - A cluster that is in order is not rolled.
options:
  state:
    description:
      - V(planned) runs the roll in check mode and keeps what it would do, or what O(do) has instead.
      - V(rolled) rolls the cluster where its plan has something to do and no other cluster has failed in this run.
    type: str
    choices: [planned, rolled]
    default: rolled
  do:
    description:
      - V(migrate) goes to WAL, V(rollback) to BoltDB.
      - The others are not followed by a roll. V(plan) plans a migration. V(assess) measures what the log costs and says
        whether a migration is worth it, by the playbook C(raftops.nomad.assess).
      - V(status) looks at the cluster instead of planning its roll. While it is rolled, it says since when, and what
        that has shown last.
    type: str
    choices: [assess, migrate, plan, rollback, status]
    default: migrate
  inventory:
    description:
      - The cluster's own inventory. A relative path begins in the directory of the fleet's inventory. It must be given.
    type: path
    default: ''
  group:
    description:
      - The group of the cluster's servers in its inventory.
    type: str
    default: nomad_servers
  variables:
    description:
      - Variables of the role for this cluster. They are kept in O(dir), so they must not be secret.
    type: dict
    default: {}
  token_env:
    description:
      - The variable of the controller's environment that has the cluster's ACL token.
      - A token is in the environment of the cluster's process only, as E(NOMAD_TOKEN).
    type: str
    default: ''
  token_command:
    description:
      - A command that prints the cluster's ACL token, as a list of words, or as a text that is split into
        words. No shell runs it.
    type: raw
  pause:
    description:
      - Seconds between the end of the last roll of a wave and the next wave.
    type: int
    default: 0
  skip_refused:
    description:
      - Leave out clusters whose plan is refused, or that have none.
    type: bool
    default: false
  dir:
    description:
      - The directory of the fleet's records. It is made, for its user alone.
    type: path
    default: ~/.raftops.nomad/fleet
  engine:
    description:
      - What runs the process. V(auto) is V(ansible-runner) where it can be imported, else V(ansible-playbook).
    type: str
    choices: [auto, ansible-runner, ansible-playbook]
    default: auto
  executable:
    description:
      - The C(ansible-playbook) to run, by default that of the Ansible that runs this task.
    type: str
    default: ''
seealso:
  - module: raftops.nomad.raft_fleet_confirm
  - module: raftops.nomad.raft_fleet_report
author:
  - raftops.nomad contributors (@raftops)
"""

EXAMPLES = r"""
- name: Roll the cluster
  raftops.nomad.raft_fleet_roll:
    inventory: clusters/eu-1/inventory.yml
    token_env: NOMAD_TOKEN_EU_1
    variables:
      raft_logstore_pause_between: 60
"""

RETURN = r"""
state:
  description: What the cluster is in, in words of the playbook's table, such as C(to roll), C(in order) or C(refused).
  returned: always
  type: str
  sample: rolled
line:
  description: A sentence about it, empty where there is nothing to say.
  returned: always
  type: str
  sample: ''
engine:
  description: What has run the process, empty where none was run.
  returned: always
  type: str
  sample: ansible-runner
log:
  description: Path of what the process has printed.
  returned: always
  type: str
  sample: /home/ops/.raftops.nomad/fleet/clusters/eu-1/20261130T151500Z-4711-roll/artifacts/roll/stdout
"""

from ansible.module_utils.basic import AnsibleModule

SPEC = {
    "state": {"type": "str", "choices": ["planned", "rolled"], "default": "rolled"},
    "do": {"type": "str", "choices": ["assess", "migrate", "plan", "rollback", "status"], "default": "migrate"},
    "inventory": {"type": "path", "default": ""},
    "group": {"type": "str", "default": "nomad_servers"},
    "variables": {"type": "dict", "default": {}},
    "token_env": {"type": "str", "default": "", "no_log": False},
    "token_command": {"type": "raw", "no_log": False},
    "pause": {"type": "int", "default": 0},
    "skip_refused": {"type": "bool", "default": False},
    "dir": {"type": "path", "default": "~/.raftops.nomad/fleet"},
    "engine": {"type": "str", "choices": ["auto", "ansible-runner", "ansible-playbook"], "default": "auto"},
    "executable": {"type": "str", "default": ""},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    module.fail_json(
        msg="raft_fleet_roll works on the controller. Call it as raftops.nomad.raft_fleet_roll from a task."
    )


if __name__ == "__main__":
    main()
