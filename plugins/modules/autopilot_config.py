#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: autopilot_config
short_description: Change or hold the autopilot configuration of a Nomad cluster
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - Changes single settings of the autopilot configuration with compare-and-set. A change that somebody else makes
    at the same time is never lost.
  - With O(state=held) it switches the removal of dead servers off for the duration of maintenance, and with
    O(state=released) it restores the previous value. Otherwise the leader removes a stopped server from the cluster
    after some 40 seconds.
  - With ACLs it needs a token with C(operator:write).
extends_documentation_fragment:
  - raftops.nomad._connection
  - raftops.nomad._attributes
  - raftops.nomad._attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - The current configuration is read. Nothing is written, neither to the cluster nor to O(hold_file).
  diff_mode:
    support: full
options:
  state:
    description:
      - V(present) sets the settings named in the task and leaves the others. Without any setting it
        only reads.
      - V(held) writes the value of C(CleanupDeadServers) to O(hold_file), then sets it to false.
      - V(released) sets C(CleanupDeadServers) to the value in O(hold_file) and then removes the file. Without the
        file, and without O(previous), there is nothing to do.
    type: str
    choices: [present, held, released]
    default: present
  hold_file:
    description:
      - File on the managed host that keeps the previous value during the hold. A later run can then restore it,
        whatever happened to this one. The role uses C(.raft-hold.json) in the Raft directory of the server that is
        about to stop.
      - With O(state=held) an existing file is adopted. Its previous value is never replaced by the one now in force.
      - Required with O(state=held) and O(state=released). With O(state=present) it is only read, and described in
        RV(hold).
      - A file that belongs neither to root nor to the user running the module is not trusted. It is treated as
        absent, with a warning.
    type: path
  origin:
    description:
      - Who holds, for the people who find the file. The role uses the controller's name.
      - Required with O(state=held).
      - A hold of another origin is refused, for both O(state=held) and O(state=released), unless O(take_over=true).
        Releasing without O(origin) is not refused.
    type: str
  previous:
    description:
      - The value of C(CleanupDeadServers) from before the first hold of this run, for O(state=held) on the second
        and later servers, where the value in force is already the held one.
      - With O(state=held) the value in an existing O(hold_file) takes precedence.
      - With O(state=released) this option takes precedence, so that several files are released with the value of the
        oldest. It is restored even without an O(hold_file), as on a server that stands in for an unreachable one.
    type: bool
  expected:
    description:
      - The value that C(CleanupDeadServers) had when O(state=held) was decided on. Any other value is refused and
        nothing changed, because somebody else may have begun a hold since, even if O(hold_file) is there from an
        earlier run. Of two runs that begin at the same moment only one succeeds.
      - V(false) where a hold is known, from O(hold_file) or O(previous), is not compared. A new leader may have
        forgotten that it was switched off.
      - Leave it out once this run holds.
    type: bool
  take_over:
    description:
      - Whether a hold of another origin may be adopted or released.
    type: bool
    default: false
  cleanup_dead_servers:
    description:
      - Whether the leader removes servers that have failed. Only with O(state=present).
    type: bool
  last_contact_threshold:
    description:
      - How long a healthy server may be without contact with the leader, a Go duration such as V(200ms). Only with
        O(state=present).
    type: str
  server_stabilization_time:
    description:
      - How long a new server must be healthy before it gets a vote, a Go duration such as V(10s). Only with
        O(state=present).
    type: str
  max_trailing_logs:
    description:
      - How many entries a healthy server may be behind the leader. Only with O(state=present).
    type: int
  min_quorum:
    description:
      - Number of voters below which the leader does not remove dead servers. Only with O(state=present).
    type: int
seealso:
  - module: raftops.nomad.autopilot_health_info
"""

EXAMPLES = r"""
- name: Keep the leader from removing this server while it is down
  raftops.nomad.autopilot_config:
    state: held
    hold_file: /opt/nomad/data/server/raft/.raft-hold.json
    origin: "{{ lookup('ansible.builtin.pipe', 'hostname') }}"
  register: hold

- name: Put the previous value back
  raftops.nomad.autopilot_config:
    state: released
    hold_file: /opt/nomad/data/server/raft/.raft-hold.json

- name: Change two settings, leave the others
  raftops.nomad.autopilot_config:
    server_stabilization_time: 30s
    min_quorum: 3
"""

RETURN = r"""
config:
  description: The configuration in force afterwards, or as it would be in check mode.
  returned: always
  type: dict
  contains:
    cleanup_dead_servers:
      description: Whether the leader removes servers that have failed.
      type: bool
      sample: false
    last_contact_threshold:
      description: How long a healthy server may be without contact with the leader.
      type: str
      sample: 200ms
    server_stabilization_time:
      description: How long a new server must be healthy before it gets a vote.
      type: str
      sample: 10s
    max_trailing_logs:
      description: How many entries a healthy server may be behind the leader.
      type: int
      sample: 250
    min_quorum:
      description: Number of voters below which dead servers are not removed.
      type: int
      sample: 0
    modify_index:
      description: Raft index of the last change of the configuration, the value for compare-and-set.
      type: int
      sample: 4
hold:
  description: The hold in O(hold_file), after this task. Null when there is none.
  returned: always
  type: dict
  contains:
    origin:
      description: Who holds.
      type: str
      sample: controller-1
    previous:
      description: The value of C(CleanupDeadServers) to put back.
      type: bool
      sample: true
    created:
      description: When the hold began, in UTC, by the clock of the managed host.
      type: str
      sample: "2026-11-22T13:20:35Z"
adopted:
  description: Whether O(state=held) found a hold and adopted it.
  returned: always
  type: bool
  sample: false
previous:
  description: The value of C(CleanupDeadServers) before the hold, to pass as O(previous) to the servers that follow.
    Null without a hold.
  returned: always
  type: bool
  sample: true
"""

import os
import time
from typing import Mapping

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import argument_spec, from_params
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.hold import (
    NOTHING,
    SETTING,
    Hold,
    HoldFile,
    Overtaken,
    check_origin,
    check_unchanged,
    differences,
    set_settings,
)
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError

SETTINGS = {
    "cleanup_dead_servers": {"type": "bool"},
    "last_contact_threshold": {"type": "str"},
    "server_stabilization_time": {"type": "str"},
    "max_trailing_logs": {"type": "int"},
    "min_quorum": {"type": "int"},
}
SPEC = {
    "state": {"type": "str", "choices": ["present", "held", "released"], "default": "present"},
    "hold_file": {"type": "path"},
    "origin": {"type": "str"},
    "previous": {"type": "bool"},
    "expected": {"type": "bool"},
    "take_over": {"type": "bool", "default": False},
}


class Task:
    """One run of the module: what it found and what it does about it."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.params = module.params
        self.client = Client(from_params(module.params, os.environ))
        self.file = HoldFile(module.params["hold_file"], os.geteuid()) if module.params["hold_file"] else None
        self.found, warnings = self.file.load() if self.file else (None, [])
        for warning in warnings:
            module.warn(warning)
        self.before = self.client.autopilot_config()

    def run(self) -> dict:
        """Do what the state asks for; returns the result. Raises AgentError or StoreError."""
        state = self.params["state"]
        if state != "present":
            check_origin(self.found, self.params["origin"] or "", self.params["take_over"])
        return {"present": self.present, "held": self.held, "released": self.released}[state]()

    def present(self) -> dict:
        """Set the named settings."""
        settings = {name: self.params[name] for name in SETTINGS if self.params[name] is not None}
        return self.result(settings, self.found, file_changes=False)

    def held(self) -> dict:
        """Write the previous value down, then switch the removal off."""
        previous, was = self.params["previous"], NOTHING
        if self.found is not None:
            previous = self.found.previous
        # A hold makes it false. True again after an earlier hold, it is nobody's: a new leader has forgotten it.
        if self.params["expected"] or (self.params["expected"] is False and previous is None):
            was = {SETTING: self.params["expected"]}
        if previous is None:
            previous = self.before.setting(SETTING)
        check_unchanged(self.before, was)
        created = self.found.created if self.found else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        hold = Hold(self.params["origin"], previous, created)
        if hold != self.found and not self.module.check_mode:
            self.file.write(hold)
        try:
            return self.result({SETTING: False}, hold, file_changes=hold != self.found, was=was)
        except Overtaken:
            if self.found is None:
                self.file.remove()
            raise

    def released(self) -> dict:
        """Restore the previous value, then remove the file."""
        previous = self.params["previous"]
        if previous is None and self.found is not None:
            previous = self.found.previous
        settings = {} if previous is None else {SETTING: previous}
        result = self.result(settings, None, file_changes=self.found is not None)
        if self.found is not None and not self.module.check_mode:
            self.file.remove()
        return dict(result, previous=previous)

    def result(self, settings: dict, hold: Hold | None, file_changes: bool, was: Mapping = NOTHING) -> dict:
        """Change the settings, unless in check mode, and describe the result."""
        changes = differences(self.before, settings)
        after = self.before.changed(changes)
        if changes and not self.module.check_mode:
            after = set_settings(self.client, settings, was)
        result = {
            "changed": bool(changes) or file_changes,
            "config": after.as_dict(),
            "hold": hold._asdict() if hold else None,
            "adopted": self.params["state"] == "held" and self.found is not None,
            "previous": hold.previous if hold else None,
        }
        if self.module._diff:
            result["diff"] = {"before": self.shown(self.before, self.found), "after": self.shown(after, hold)}
        return result

    def shown(self, config: object, hold: Hold | None) -> dict:
        """One side of the diff, without the index of the last change, which is not a setting."""
        settings = config.as_dict()
        del settings["modify_index"]
        return {"autopilot": settings, "hold": hold._asdict() if hold else None}


def main() -> None:
    module = Module(
        argument_spec=dict(argument_spec(), **SETTINGS, **SPEC),
        required_if=[("state", "held", ["hold_file", "origin"]), ("state", "released", ["hold_file"])],
        supports_check_mode=True,
    )
    given = sorted(name for name in SETTINGS if module.params[name] is not None)
    if module.params["state"] != "present" and given:
        module.fail_json(msg="{}: only with state=present".format(", ".join(given)))
    try:
        module.exit_json(**Task(module).run())
    except (AgentError, StoreError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
