#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_disk_info
short_description: How fast the disk of a Nomad server is for its Raft log
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - Times flushes to the disk, and conversions of small stores that it makes for that. Changes nothing of Nomad's, and
    reads no store.
  - What it makes is in one directory C(.raftops-scratch) beside the Raft directory, which belongs to the user who runs
    this, has mode 0700, and is removed at the end. It has less than 100 MB there at a time, if enough stays
    free for the server. In check mode it does nothing.
  - Run it on one server at a time (C(throttle)), so that a quorum of the others commits as fast as ever.
  - A part that cannot be measured is no failure. It is null or empty then, and RV(disk.error) says why.
extends_documentation_fragment:
  - raftops.nomad._attributes.info
  - raftops.nomad._attributes
attributes:
  check_mode:
    support: full
    details:
      - Measures nothing in check mode.
options:
  data_dir:
    description:
      - The C(data_dir) of the Nomad agent. Its C(server) or C(server/raft) directory is accepted as well.
    type: path
    required: true
    aliases: [path]
  backend:
    description:
      - The backend that the store might be moved to. Where it is there already, no conversion is tried.
    type: str
    choices: [wal, boltdb]
    default: wal
  entries:
    description:
      - How many entries its log has, as RV(raftops.nomad.raft_cost_info#module:cost.entries). With V(0) no conversion
        is tried.
    type: int
    default: 0
  data_bytes:
    description:
      - How many bytes these have, as RV(raftops.nomad.raft_cost_info#module:cost.data_bytes).
    type: int
    default: 0
  measure:
    description:
      - With V(false) nothing is measured, as in check mode.
    type: bool
    default: true
seealso:
  - module: raftops.nomad.raft_cost_info
"""

EXAMPLES = r"""
- name: See how long a flush takes
  raftops.nomad.raft_disk_info:
    data_dir: /opt/nomad/data
  throttle: 1
  register: measured

- name: Show it
  ansible.builtin.debug:
    msg: "{{ measured.disk.syncs.median_ms }} ms"
"""

RETURN = r"""
disk:
  description: What was measured.
  returned: success
  type: dict
  contains:
    id:
      description: Raft ID of the server, from the file C(node-id) on its disk. Empty if there is none.
      type: str
      sample: e93eaec1-b82a-bf92-f2a5-79d404511e21
    syncs:
      description: Flushes of 4 kB with fdatasync(2), one after the other. Null where they were not timed.
      type: dict
      contains:
        number:
          description: How many.
          type: int
          sample: 200
        median_ms:
          description: The median in milliseconds.
          type: float
          sample: 0.21
        p99_ms:
          description: The 99th percentile.
          type: float
          sample: 0.62
        max_ms:
          description: The longest.
          type: float
          sample: 0.71
    trial:
      description: Conversions of stores made for it. Empty where none was made, or the store is on O(backend) already.
      type: list
      elements: dict
      contains:
        data_bytes:
          description: Bytes of its entries.
          type: int
          sample: 16777216
        entries:
          description: Number of its entries.
          type: int
          sample: 1654
        seconds:
          description: What it took, with the comparison of every entry.
          type: float
          sample: 0.1612
    error:
      description: Why something was not measured. Otherwise empty.
      type: str
      sample: ""
"""

from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._measure.disk import NOTHING, disk

SPEC = {
    "data_dir": {"type": "path", "required": True, "aliases": ["path"]},
    "backend": {"type": "str", "choices": ["wal", "boltdb"], "default": "wal"},
    "entries": {"type": "int", "default": 0},
    "data_bytes": {"type": "int", "default": 0},
    "measure": {"type": "bool", "default": True},
}


def main() -> None:
    module = Module(argument_spec=SPEC, supports_check_mode=True)
    given = dict(module.params)
    measures = given.pop("measure") and not module.check_mode
    found = disk(**given) if measures else dict(NOTHING)
    module.exit_json(changed=False, disk=found)


if __name__ == "__main__":
    main()
