#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_info
short_description: All that can be known about a Nomad server before its log store is moved
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - "Looks at one server on its host and changes nothing: its agent, its unit and process, its configuration, the Raft
    log store on its disk, what a conversion would do to it, and what would go wrong at the agent's next start."
  - On a host with Nomad's package no option is needed.
  - A part that cannot be looked at is no failure. It is null then, and RV(server.errors) says why.
  - An option that is null or an empty string is not given.
  - The rehearsal of the next start asks the agent's own program about its configuration with C(nomad config validate).
    It is run only where nobody but root could have written it. The changed configuration is a copy below C(/run) that
    only root can read and that is removed at once.
  - With ACLs the token is asked what it may do, as M(raftops.nomad.token_info) does.
extends_documentation_fragment:
  - raftops.nomad.connection
  - raftops.nomad.attributes.info
  - raftops.nomad.attributes.action_group
options:
  host:
    description:
      - Name or IP address of the agent to ask. Left out, the one in its configuration; E(NOMAD_ADDR) counts only where
        that cannot be read.
    type: str
  port:
    description:
      - Port of the agent's HTTP API. Left out, as for O(host).
    type: int
  use_ssl:
    description:
      - Whether to speak HTTPS. Left out, as for O(host).
    type: bool
  data_dir:
    description:
      - C(data_dir) of the agent, or its C(server) or C(server/raft) directory.
      - Left out, the one in its configuration, and where that has none, the one on its command line.
    type: path
  config_path:
    description:
      - The C(-config) arguments of the agent, files and directories, in their order.
      - Left out, those in the C(ExecStart=) of its unit, and without a unit those of its process.
    type: list
    elements: path
  service_manager:
    description:
      - What starts and stops the agent, V(systemd) or commands of your own.
    type: str
    choices: [systemd, command]
    default: systemd
  service_name:
    description:
      - The unit of the agent. Only used with O(service_manager=systemd).
    type: str
    default: nomad
  stop_command:
    description:
      - The command that stops the agent, with O(service_manager=command). It is not run here, only looked for.
    type: str
  start_command:
    description:
      - The command that starts the agent, with O(service_manager=command). It is not run here, only looked for.
    type: str
  status_command:
    description:
      - The command that shows the agent's last log lines, with O(service_manager=command). It is not run here, only
        looked for. Not needed with O(log_file).
    type: str
  backend:
    description:
      - The backend that is wanted, for the prospect and for the configuration.
    type: str
    choices: [wal, boltdb]
    default: wal
  wal_segment_size:
    description:
      - Size of a log segment in MB, from 1 to 2047. Left out, the one in the configuration, and Nomad's default is 64.
    type: int
  config_file:
    description:
      - As O(raftops.nomad.raft_logstore_config#module:file). A file that is named here may lie where it does not
        survive a reboot.
    type: path
  backup_dir:
    description:
      - As for M(raftops.nomad.raft_migrate_backend).
    type: path
  log_file:
    description:
      - The file that the agent writes its log to. It must be there and readable.
    type: path
seealso:
  - module: raftops.nomad.agent_info
  - module: raftops.nomad.raft_store_info
  - module: raftops.nomad.raft_logstore_config
  - module: raftops.nomad.token_info
"""

EXAMPLES = r"""
- name: Look at a server with Nomad's package, as ansible nomad_servers -b -m raftops.nomad.server_info does
  raftops.nomad.server_info:
  register: look

- name: Show what stands against its next start
  ansible.builtin.debug:
    msg: "{{ look.server.rehearsal | map(attribute='what') }}"

- name: Look at a server that is started by a script
  raftops.nomad.server_info:
    config_path: [/opt/nomad/etc]
    service_manager: command
    stop_command: /opt/nomad/bin/stop
    start_command: /opt/nomad/bin/start
    log_file: /opt/nomad/log/nomad.log
"""

RETURN = r"""
"""

import os

from ansible_collections.raftops.nomad.plugins.module_utils.agent.api.connection import argument_spec
from ansible_collections.raftops.nomad.plugins.module_utils.agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils.agent.host.service import Ran
from ansible_collections.raftops.nomad.plugins.module_utils.arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils.server.look import look
from ansible_collections.raftops.nomad.plugins.module_utils.server.rehearse import findings
from ansible_collections.raftops.nomad.plugins.module_utils.server.report import report

SPEC = {
    "data_dir": {"type": "path"},
    "config_path": {"type": "list", "elements": "path"},
    "service_manager": {"type": "str", "choices": ["systemd", "command"], "default": "systemd"},
    "service_name": {"type": "str", "default": "nomad"},
    "stop_command": {"type": "str"},
    "start_command": {"type": "str"},
    "status_command": {"type": "str"},
    "backend": {"type": "str", "choices": ["wal", "boltdb"], "default": "wal"},
    "wal_segment_size": {"type": "int"},
    "config_file": {"type": "path"},
    "backup_dir": {"type": "path"},
    "log_file": {"type": "path"},
}


def main() -> None:
    module = Module(argument_spec=dict(argument_spec(), **SPEC), supports_check_mode=True)

    def command(arguments: list) -> Ran:
        return Ran(*module.run_command(list(arguments)))

    try:
        seen = look(module.params, os.environ, command)
    except AgentError as error:
        module.fail_json(msg=str(error))
    for warning in seen.warnings:
        module.warn(warning)
    module.exit_json(changed=False, server=report(seen, findings(seen)))


if __name__ == "__main__":
    main()
