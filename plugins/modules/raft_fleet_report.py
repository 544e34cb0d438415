#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_fleet_report
short_description: Write one page over all clusters of a fleet
version_added: 1.0.0
description:
  - Writes an HTML page about the last run that has rolled clusters, from its records. It needs nothing but itself.
  - It asks no cluster. It can be written while a run is at work.
extends_documentation_fragment:
  - raftops.nomad._attributes.controller
  - raftops.nomad._attributes
attributes:
  check_mode:
    support: none
  diff_mode:
    support: none
    details:
      - The page is about the records, not about what it was before.
  idempotent:
    support: full
    details:
      - The same records give the same page.
options:
  dir:
    description:
      - The directory of the fleet's records.
    type: path
    default: ~/.raftops.nomad/fleet
  dest:
    description:
      - The page's path, by default C(report.html) in O(dir).
    type: path
    default: ''
seealso:
  - module: raftops.nomad.raft_fleet_roll
author:
  - raftops.nomad contributors (@raftops)
"""

EXAMPLES = r"""
- name: Write the page
  raftops.nomad.raft_fleet_report:
    dest: /srv/www/fleet.html
"""

RETURN = r"""
path:
  description: Where the page is.
  returned: success
  type: str
  sample: /home/ops/.raftops.nomad/fleet/report.html
"""

from ansible.module_utils.basic import AnsibleModule

SPEC = {
    "dir": {"type": "path", "default": "~/.raftops.nomad/fleet"},
    "dest": {"type": "path", "default": ""},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC)
    module.fail_json(
        msg="raft_fleet_report works on the controller. Call it as raftops.nomad.raft_fleet_report from a task."
    )


if __name__ == "__main__":
    main()
