#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: roll_plan
short_description: Plan a roll through all servers of a cluster, and ask
version_added: 1.0.0
description:
  - Judges all servers of a cluster at once, from what was read on them. Shows who is taken in which order, what is done
    there, and fails with the first thing that prevents a roll.
  - Then it asks the leader whether the cluster is healthy and can lose a server, keeps other runs of this controller
    out, and asks a person to go on.
  - The role C(raft_logstore) uses it. Call it once, on a host whose agent answers.
extends_documentation_fragment:
  - raftops.nomad._attributes.controller
  - raftops.nomad._attributes.info
  - raftops.nomad._attributes
options:
  servers:
    description:
      - What M(raftops.nomad.roll_step) has returned of each server, in the order of the inventory. There is no token in
        it.
    type: list
    elements: dict
    required: true
  group:
    description: Name of the group of the servers.
    type: str
    default: nomad_servers
  connection:
    description: How the agent of this host is reached, the options of the API connection.
    type: dict
    default: {}
  force:
    description: Whether nobody is asked.
    type: bool
    default: false
  confirm_timeout:
    description: Seconds in which the answer must come, 0 for as long as it takes.
    type: int
    default: 120
  needing:
    description:
      - Hosts whose store can only be rehearsed on a copy. Where there are any, one of them that does not lead is
        stopped for that, and nothing is rolled.
    type: list
    elements: str
    default: []
  options:
    description:
      - What the operator has asked for, the variables of the role without their prefix.
    type: dict
    default: {}
    suboptions:
      backend:
        description: The backend that each server shall run on.
        type: str
        choices: [wal, boltdb]
        default: wal
      wal_segment_size:
        description: Size of one segment of the WAL in MB.
        type: int
        default: 64
      config_path:
        description: The agent's -config arguments.
        type: list
        elements: str
        default: []
      data_dir:
        description: The agent's C(data_dir).
        type: str
        default: ""
      service_manager:
        description: What starts and stops the agent.
        type: str
        choices: [systemd, command]
        default: systemd
      service_name:
        description: Name of the systemd unit.
        type: str
        default: nomad
      stop_command:
        description: Stops the agent.
        type: str
        default: ""
      start_command:
        description: Starts the agent.
        type: str
        default: ""
      status_command:
        description: Shows the agent's state and last log lines.
        type: str
        default: ""
      log_file:
        description: File that the agent writes its log to.
        type: str
        default: ""
      gate_timeout:
        description: Seconds for each question before a stop.
        type: int
        default: 30
      stop_timeout:
        description: Seconds within which a stopped agent must have let go of its store.
        type: int
        default: 30
      wait_timeout:
        description: Seconds within which a server must be back.
        type: int
        default: 300
      stable_for:
        description: Seconds in a row in which it must be back.
        type: int
        default: 10
      min_failure_tolerance:
        description: How many servers the cluster must be able to lose before one is stopped.
        type: int
        default: 1
      allow_outage:
        description: Whether a server may be stopped although the others are no quorum.
        type: bool
        default: false
      hold_autopilot:
        description: Whether autopilot's removal of dead servers is held.
        type: bool
        default: true
      take_over:
        description: Whether what another controller has left may be adopted.
        type: bool
        default: false
      rollback_on_failure:
        description: Whether a server that fails is taken back to where it came from.
        type: bool
        default: true
      pause_between:
        description: Seconds to wait between two servers.
        type: int
        default: 0
      stop_after:
        description: How many servers are taken at most, 0 for all.
        type: int
        default: 0
      snapshot_dest:
        description: Directory for snapshots on each server.
        type: str
        default: /var/lib/nomad-raft-snapshots
      keep_backups:
        description: How many old stores of each server a cleanup leaves.
        type: int
        default: 0
      keep_snapshots:
        description: How many snapshots of each server a cleanup leaves.
        type: int
        default: 1
      report_dir:
        description: Directory on the controller for the record of the roll, an empty string for none.
        type: str
        default: ""
      report_name:
        description: Name of the record.
        type: str
        default: ""
      status_strict:
        description: Whether a look fails where not all is well.
        type: bool
        default: false
      pre_tasks_file:
        description: The operator's tasks for each server before it is stopped, an empty string for none.
        type: str
        default: ""
      post_tasks_file:
        description: The operator's tasks for each server once it is back, an empty string for none.
        type: str
        default: ""
      copies:
        description: The host whose server is stopped only to copy its store, an empty string in a roll.
        type: str
        default: ""
      origin:
        description:
          - Name of this controller, by which it knows what it has begun. When empty, that of the job template, else
            that of the system.
        type: str
        default: ""
      job_template:
        description: Number of the job template of AWX that runs this, C(awx_job_template_id).
        type: str
        default: ""
      check_mode:
        description: Whether this is a rehearsal.
        type: bool
        default: false
      names:
        description: The names of all variables C(raft_logstore_*) of a host, to find those that are misspelt.
        type: list
        elements: str
        default: []
seealso:
  - module: raftops.nomad.server_wait
  - plugin: raftops.nomad.roll_turn
    plugin_type: filter
author:
  - raftops.nomad contributors (@raftops)
"""

EXAMPLES = r"""
- name: Plan the roll
  raftops.nomad.roll_plan:
    servers: "{{ servers }}"
    options:
      backend: wal
  run_once: true
  register: plan
"""

RETURN = r"""
lines:
  description: The plan as a table, with its notes.
  returned: success
  type: list
  elements: str
  sample: ["order  server  role    backend  disk    action   index  size"]
notes:
  description: What a person should know before saying yes.
  returned: success
  type: list
  elements: str
  sample: []
copies:
  description: The host whose server is stopped only to copy its store. Empty in a roll.
  returned: success
  type: str
  sample: ""
queue:
  description: All hosts, in the order in which they are taken.
  returned: success
  type: list
  elements: str
  sample: [nomad-2, nomad-3, nomad-1]
busy:
  description: Those with something left to do, in that order.
  returned: success
  type: list
  elements: str
  sample: [nomad-2, nomad-3, nomad-1]
begins:
  description: Whether there is anything to do.
  returned: success
  type: bool
  sample: true
question:
  description: What is shown right above the question whether to go on, several lines.
  returned: success
  type: str
  sample: "The Raft log store of these Nomad servers will be moved to wal, one at a time, in this order: ..."
refused:
  description: Whether something prevents a roll.
  returned: success, and on a failure for which that is the reason
  type: bool
  sample: true
refusal:
  description: What that is, in a sentence. Else empty.
  returned: success
  type: str
  sample: "The WAL backend came with Nomad 2.0.0. Upgrade first: nomad-1 runs 1.11.3."
msg:
  description:
    - Why there may be no roll, in a sentence. The plan was shown by then; a failure repeats it only with C(-vvv).
  returned: failure
  type: str
  sample: "The WAL backend came with Nomad 2.0.0. Upgrade first: nomad-1 runs 1.11.3. Nothing was changed."
record:
  description: Name of the roll's record. Empty where there is none.
  returned: success, and on a failure if there is one
  type: str
  sample: migrate-nomad_servers-20261130T120000Z
did:
  description: What modules were run for, in their order.
  returned: always
  type: list
  elements: str
  sample: ["The cluster is healthy"]
doing:
  description: What does not hold, or could not be done.
  returned: failure
  type: str
  sample: The cluster is healthy
gate:
  description: Name of the condition that does not hold. Else empty.
  returned: success, and on a failure for which that is the reason
  type: str
  sample: Every server runs a Nomad that knows the WAL backend
asks:
  description: Whether the leader can and must be asked about its cluster.
  returned: success
  type: bool
  sample: true
speaker:
  description: A host that answers.
  returned: success
  type: str
  sample: nomad-1
until:
  description: The condition for that question, as O(raftops.nomad.server_wait#module:until).
  returned: success
  type: str
  sample: healthy
without:
  description: Raft ID of the one server that does not count and is repaired first. Else empty.
  returned: success
  type: str
  sample: ""
repair:
  description: Whether there is such a server.
  returned: success
  type: bool
  sample: false
wait_timeout:
  description: Seconds for that question.
  returned: success
  type: int
  sample: 15
tolerance:
  description: How many servers the cluster can lose. Null where nobody was asked.
  returned: success
  type: int
  sample: 1
ids:
  description: Raft IDs of all servers that the roll concerns.
  returned: success
  type: list
  elements: str
  sample: [e93eaec1-b82a-bf92-f2a5-79d404511e21]
"""

from ansible.module_utils.basic import AnsibleModule

OPTIONS = {
    "backend": {"type": "str", "choices": ["wal", "boltdb"], "default": "wal"},
    "wal_segment_size": {"type": "int", "default": 64},
    "config_path": {"type": "list", "elements": "str", "default": []},
    "data_dir": {"type": "str", "default": ""},
    "service_manager": {"type": "str", "choices": ["systemd", "command"], "default": "systemd"},
    "service_name": {"type": "str", "default": "nomad"},
    "stop_command": {"type": "str", "default": ""},
    "start_command": {"type": "str", "default": ""},
    "status_command": {"type": "str", "default": ""},
    "log_file": {"type": "str", "default": ""},
    "gate_timeout": {"type": "int", "default": 30},
    "stop_timeout": {"type": "int", "default": 30},
    "wait_timeout": {"type": "int", "default": 300},
    "stable_for": {"type": "int", "default": 10},
    "min_failure_tolerance": {"type": "int", "default": 1},
    "allow_outage": {"type": "bool", "default": False},
    "hold_autopilot": {"type": "bool", "default": True},
    "take_over": {"type": "bool", "default": False},
    "rollback_on_failure": {"type": "bool", "default": True},
    "pause_between": {"type": "int", "default": 0},
    "stop_after": {"type": "int", "default": 0},
    "copies": {"type": "str", "default": ""},
    "snapshot_dest": {"type": "str", "default": "/var/lib/nomad-raft-snapshots"},
    "keep_backups": {"type": "int", "default": 0},
    "keep_snapshots": {"type": "int", "default": 1},
    "report_dir": {"type": "str", "default": ""},
    "report_name": {"type": "str", "default": ""},
    "status_strict": {"type": "bool", "default": False},
    "pre_tasks_file": {"type": "str", "default": ""},
    "post_tasks_file": {"type": "str", "default": ""},
    "origin": {"type": "str", "default": ""},
    "job_template": {"type": "str", "default": ""},
    "check_mode": {"type": "bool", "default": False},
    "names": {"type": "list", "elements": "str", "default": []},
}
SPEC = {
    "servers": {"type": "list", "elements": "dict", "required": True},
    "group": {"type": "str", "default": "nomad_servers"},
    "connection": {"type": "dict", "default": {}, "no_log": True},
    "force": {"type": "bool", "default": False},
    "confirm_timeout": {"type": "int", "default": 120},
    "needing": {"type": "list", "elements": "str", "default": []},
    "options": {"type": "dict", "default": {}, "options": OPTIONS},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    module.fail_json(msg="roll_plan works on the controller. Call it as raftops.nomad.roll_plan from a task.")


if __name__ == "__main__":
    main()
