#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: agent_service
short_description: Stop a Nomad agent for a change of its store, and start it again
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - With O(state=stopped) it stops the agent, keeps it stopped, and returns only when no process has the agent's Raft
    store open or locked any more. If that does not happen, it fails and allows the agent to be started again.
  - A systemd unit is kept stopped by a drop-in below C(/run/systemd/system) with a condition that is never true.
    Neither C(Restart=) nor a person nor a configuration run can start it in between. O(state=started) removes
    the drop-in, and so does a reboot.
  - With commands, keeping the agent stopped is up to whoever provides the commands.
  - Stop and start are one call each, because the server is out of its cluster meanwhile. Times are those of the host's
    own clock.
extends_documentation_fragment:
  - raftops.nomad._attributes
attributes:
  check_mode:
    support: full
    details:
      - Nothing is stopped or started. C(changed) is true.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - Full for a systemd unit. With O(manager=command) the command is run each time, and C(changed) is true.
options:
  state:
    description:
      - What to do.
    type: str
    choices: [stopped, started]
    required: true
  manager:
    description:
      - What starts and stops the agent.
    type: str
    choices: [systemd, command]
    default: systemd
    aliases: [service_manager]
  name:
    description:
      - Name of the unit, for O(manager=systemd).
    type: str
    default: nomad
    aliases: [service_name]
  command:
    description:
      - The command that stops or starts the agent, for O(manager=command). It is not run by a shell.
    type: str
  data_dir:
    description:
      - The C(data_dir) of the agent, for O(state=stopped). Its C(server) or C(server/raft) directory is accepted as
        well.
    type: path
  wait_timeout:
    description:
      - Seconds, after the stop itself has returned, within which every process must have released the store.
    type: int
    default: 30
"""

EXAMPLES = r"""
- name: Stop Nomad and keep it stopped
  raftops.nomad.agent_service:
    state: stopped
    data_dir: /opt/nomad/data

- name: Start it again
  raftops.nomad.agent_service:
    state: started
"""

RETURN = r"""
began:
  description: Seconds on the host's monotonic clock when the stop or start began. Comparable with those of other
    calls on the same host, until it is rebooted.
  returned: success
  type: float
  sample: 81234.507
ended:
  description: The same for the end. With O(state=stopped), the moment when nobody had the store open any more.
  returned: success
  type: float
  sample: 81234.911
elapsed:
  description: Seconds between the two.
  returned: success
  type: float
  sample: 0.404
began_at:
  description: The beginning as Unix time, for finding the agent's log lines since then.
  returned: success
  type: float
  sample: 1795610835.25
"""

import time

from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Commands, Ran, Systemd
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._server.stopping import stop

SPEC = {
    "state": {"type": "str", "choices": ["stopped", "started"], "required": True},
    "manager": {"type": "str", "choices": ["systemd", "command"], "default": "systemd", "aliases": ["service_manager"]},
    "name": {"type": "str", "default": "nomad", "aliases": ["service_name"]},
    "command": {"type": "str"},
    "data_dir": {"type": "path"},
    "wait_timeout": {"type": "int", "default": 30},
}


def run(module: Module) -> dict:
    """Do it; returns the result. Raises AgentError or StoreError."""
    params = module.params

    def command(arguments: list) -> Ran:
        return Ran(*module.run_command(list(arguments)))

    systemd = params["manager"] == "systemd"
    service = Systemd(command, params["name"]) if systemd else Commands(command, params["command"])
    began, began_at = time.monotonic(), time.time()
    changed = True
    if not module.check_mode and params["state"] == "stopped":
        changed = stop(service, params["data_dir"], params["wait_timeout"])
    elif not module.check_mode:
        changed = service.start()
    ended = time.monotonic()
    moments = {"began": round(began, 3), "ended": round(ended, 3), "elapsed": round(ended - began, 3)}
    return {"changed": changed, "began_at": began_at, **moments}


def main() -> None:
    module = Module(
        argument_spec=SPEC,
        required_if=[("manager", "command", ["command"]), ("state", "stopped", ["data_dir"])],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module))
    except (AgentError, StoreError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
