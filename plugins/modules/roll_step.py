#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: roll_step
short_description: One step of the role raft_logstore
version_added: 1.0.0
description:
  - Runs several modules of this collection one after another on one host, and decides between them what comes next. A
    roll then has few tasks, and prints few lines.
  - The role C(raft_logstore) uses it, and its options are the role's own. To do such a step by hand use the modules
    below.
extends_documentation_fragment:
  - raftops.nomad._attributes
attributes:
  check_mode:
    support: full
    details:
      - Each of its modules is run in check mode, but the questions, which change nothing.
  diff_mode:
    support: full
  action:
    support: full
  async:
    support: none
options:
  step:
    description:
      - V(start) sees that tags leave nothing out and that the group has hosts, V(look) is the first look at a server,
        V(begin) the beginning of its turn, V(make_way) all that the leader and the server itself do before the stop,
        V(hold) keeps autopilot from removing it and V(release) lets it again, V(work) is its time out of the cluster,
        V(settle) what there is to do about a server which needs no change, V(next) the end of a turn with tasks of the
        operator's after it. V(take_back) brings a server back that has not passed, V(failed) takes note of a failure,
        V(stop) is the end of a roll at the server that has failed.
      - V(back) and V(end) are the proof at the end of a roll, V(show) its tables. V(find_old), V(ask_cleanup) and
        V(remove_old) remove old stores, V(show_removed) says what has gone.
    type: str
    choices:
      - start
      - look
      - begin
      - make_way
      - hold
      - work
      - settle
      - next
      - release
      - take_back
      - failed
      - stop
      - back
      - end
      - show
      - find_old
      - ask_cleanup
      - remove_old
      - show_removed
    required: true
  options:
    description: What the operator has asked for, as O(raftops.nomad.roll_plan#module:options).
    type: dict
    default: {}
  group:
    description: Name of the group of the servers.
    type: str
    default: nomad_servers
  servers:
    description: All servers that were looked at, as this module has returned them.
    type: list
    elements: dict
    default: []
  connection:
    description: How the agent is reached, the options of the API connection.
    type: dict
    default: {}
  agent:
    description: How the agent is run, options of M(raftops.nomad.server_info).
    type: dict
    default: {}
  so_far:
    description: What this run has asked and was answered so far.
    type: dict
    default: {}
  before:
    description: What the steps before this one have returned.
    type: dict
    default: {}
  record:
    description: Name of the record of the roll, as RV(raftops.nomad.roll_plan#module:record). Empty for none.
    type: str
    default: ""
  failure:
    description: Why the roll ends and how the server is left, for O(step=failed) and O(step=stop).
    type: dict
    default: {}
  peer:
    description: Name of the host whose hold it is, for O(step=release).
    type: str
    default: ""
  plans:
    description: Whether the look is for a roll.
    type: bool
    default: false
  specified:
    description: The specification of the role's variables.
    type: dict
    default: {}
  variables:
    description: Those that are set, with their values.
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
seealso:
  - module: raftops.nomad.server_info
  - module: raftops.nomad.server_wait
  - module: raftops.nomad.server_backend
author:
  - raftops.nomad contributors (@raftops)
"""

EXAMPLES = r"""
- name: Look at this server
  raftops.nomad.roll_step:
    step: look
    options:
      backend: wal
  register: look
"""

RETURN = r"""
server:
  description: What is known of the server now, without anything secret.
  returned: when the step looks at it or changes it
  type: dict
  sample: {host: nomad-1, role: follower, running: wal}
lines:
  description: What was shown to a person.
  returned: when there is something to show
  type: list
  elements: str
  sample: ["server   role      health   version  running  config  disk  applied"]
record:
  description: Name of the record that the question has begun. Empty where there is none.
  returned: when O(step=ask_cleanup)
  type: str
  sample: cleanup-nomad_servers-20261130T120000Z
did:
  description: What modules were run for, in their order.
  returned: always
  type: list
  elements: str
  sample: ["The cluster is healthy"]
doing:
  description: What could not be done.
  returned: failure
  type: str
  sample: The cluster can do without this server
"""

from ansible.module_utils.basic import AnsibleModule

TURN = ["begin", "make_way", "hold", "work", "settle", "next", "release", "take_back", "failed", "stop"]
STEPS = ["start", "look", *TURN, "back", "end", "show", "find_old", "ask_cleanup", "remove_old", "show_removed"]
SPEC = {
    "step": {"type": "str", "choices": STEPS, "required": True},
    "options": {"type": "dict", "default": {}},
    "group": {"type": "str", "default": "nomad_servers"},
    "servers": {"type": "list", "elements": "dict", "default": []},
    "connection": {"type": "dict", "default": {}, "no_log": True},
    "agent": {"type": "dict", "default": {}},
    "so_far": {"type": "dict", "default": {}},
    "before": {"type": "dict", "default": {}},
    "record": {"type": "str", "default": ""},
    "failure": {"type": "dict", "default": {}},
    "peer": {"type": "str", "default": ""},
    "plans": {"type": "bool", "default": False},
    "specified": {"type": "dict", "default": {}},
    "variables": {"type": "dict", "default": {}},
    "force": {"type": "bool", "default": False},
    "confirm_timeout": {"type": "int", "default": 120},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    module.fail_json(msg="roll_step works on the controller. Call it as raftops.nomad.roll_step from a task.")


if __name__ == "__main__":
    main()
