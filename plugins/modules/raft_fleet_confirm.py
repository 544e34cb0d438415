#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_fleet_confirm
short_description: Show the plans of all clusters of a fleet, and ask once
version_added: 1.0.0
description:
  - Shows what M(raftops.nomad.raft_fleet_roll) has found out about all clusters, in one table, and goes on only if the
    answer is V(yes).
  - Fails where a plan is refused or not to be had, unless O(skip_refused) is set; and where that is all of the first
    wave, as then there is no canary.
extends_documentation_fragment:
  - raftops.nomad._attributes.controller
  - raftops.nomad._attributes.info
  - raftops.nomad._attributes
attributes:
  check_mode:
    support: full
    details:
      - Shows the table and never asks in check mode.
  idempotent:
    support: full
    details:
      - Changes no cluster. It asks each time.
options:
  do:
    description:
      - V(assess), V(plan) and V(status) only show the table.
    type: str
    choices: [assess, migrate, plan, rollback, status]
    default: migrate
  waves:
    description:
      - The sizes of the waves, numbers of clusters or percentages of all. The last one is repeated.
    type: raw
    default: [1, 2, '25%', '100%']
  at_once:
    description:
      - At most so many clusters at once, 0 for as many as Ansible has C(forks).
    type: int
    default: 0
  pause:
    description:
      - Seconds between two waves, to be shown.
    type: int
    default: 0
  skip_refused:
    description:
      - Leave out clusters whose plan is refused, or that have none.
    type: bool
    default: false
  force:
    description:
      - Go on without asking.
    type: bool
    default: false
  timeout:
    description:
      - Seconds within which somebody has to answer, 0 for as long as it takes.
    type: int
    default: 120
  keep:
    description:
      - Remove the records of runs that began more than so many days ago, 0 for never. Nothing is removed in check mode,
        nor of a cluster of which a process lives.
    type: int
    default: 0
  dir:
    description:
      - The directory of the fleet's records.
    type: path
    default: ~/.raftops.nomad/fleet
seealso:
  - module: raftops.nomad.raft_fleet_roll
author:
  - raftops.nomad contributors (@raftops)
"""

EXAMPLES = r"""
- name: Show all plans, ask once
  raftops.nomad.raft_fleet_confirm:
    waves: [1, 5, 100%]
  run_once: true
"""

RETURN = r"""
asked:
  description: Whether a person was asked.
  returned: success
  type: bool
  sample: true
waves:
  description: The clusters of each wave.
  returned: success
  type: list
  elements: list
  sample: [[eu-1], [eu-2, eu-3]]
"""

from ansible.module_utils.basic import AnsibleModule

SPEC = {
    "do": {"type": "str", "choices": ["assess", "migrate", "plan", "rollback", "status"], "default": "migrate"},
    "waves": {"type": "raw", "default": [1, 2, "25%", "100%"]},
    "at_once": {"type": "int", "default": 0},
    "pause": {"type": "int", "default": 0},
    "skip_refused": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 120},
    "keep": {"type": "int", "default": 0},
    "dir": {"type": "path", "default": "~/.raftops.nomad/fleet"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    module.fail_json(
        msg="raft_fleet_confirm asks on the controller. Call it as raftops.nomad.raft_fleet_confirm from a task."
    )


if __name__ == "__main__":
    main()
