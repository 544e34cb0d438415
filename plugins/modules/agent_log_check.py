#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: agent_log_check
short_description: Look for errors about the Raft store in a Nomad agent's log
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - Reads what the agent has logged since a given time and fails if there is an error that is known to be about the Raft
    store, a panic or a refused start. For a long time, a store that can no longer be written to shows nowhere else.
  - "Known harmless errors are left out: C(failed to get log ... log not found), which a leader logs before it sends a
    snapshot, and errors about the network or another server, such as C(failed to heartbeat to). An error of Raft that
    is not known is a warning."
  - Reads Nomad's plain and JSON lines. It cannot find what a C(log_level) above ERROR keeps out of the log.
extends_documentation_fragment:
  - raftops.nomad._attributes.info
  - raftops.nomad._attributes
options:
  since:
    description:
      - Unix time of the first lines that count, for example RV(raftops.nomad.agent_service#module:began_at).
    type: float
    required: true
  unit:
    description:
      - Read the journal of this unit.
    type: str
    aliases: [service_name]
  file:
    description:
      - Read the end of this log file, at most its last 8 MiB.
    type: path
    aliases: [log_file]
  command:
    description:
      - Read what this command prints. It may print only the last lines. Its exit code does not matter. It is not run
        by a shell.
    type: str
    aliases: [status_command]
"""

EXAMPLES = r"""
- name: Start the agent
  raftops.nomad.agent_service:
    state: started
  register: started

- name: Has Nomad complained about its store since it was started?
  raftops.nomad.agent_log_check:
    unit: nomad
    since: "{{ started.began_at }}"
"""

RETURN = r"""
lines:
  description: How many lines there were since then.
  returned: always
  type: int
  sample: 148
errors:
  description: The lines that are errors about the store.
  returned: always
  type: list
  elements: str
  sample: []
harmless:
  description: Errors that were left out because they are known to be harmless, at most the last 20.
  returned: always
  type: list
  elements: str
  sample: []
unknown:
  description:
    - Errors of Raft's loggers that are not known to this collection, at most the last 20. They are a warning.
  returned: always
  type: list
  elements: str
  sample: ['2026-11-25T12:00:03.000Z [ERROR] nomad.raft: failed to copy snapshot: error="connection reset by peer"']
"""

from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host import loglines
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Ran
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module

SPEC = {
    "since": {"type": "float", "required": True},
    "unit": {"type": "str", "aliases": ["service_name"]},
    "file": {"type": "path", "aliases": ["log_file"]},
    "command": {"type": "str", "aliases": ["status_command"]},
}
SOURCES = ("file", "unit", "command")


def main() -> None:
    module = Module(
        argument_spec=SPEC,
        mutually_exclusive=[list(SOURCES)],
        required_one_of=[list(SOURCES)],
        supports_check_mode=True,
    )
    source = loglines.Source(*(module.params[name] or "" for name in SOURCES))
    try:
        found = loglines.since(source, module.params["since"], lambda command: Ran(*module.run_command(list(command))))
    except AgentError as error:
        module.fail_json(msg=str(error))
    for warning in loglines.warnings(found):
        module.warn(warning)
    result = loglines.as_result(found)
    if found.errors:
        module.fail_json(msg=loglines.complaint(found), **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
