#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, raftops.nomad contributors
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
  - Reads what the agent has logged since a given time and fails if there is an error of the Raft subsystems, a panic or
    a refused start. For a long time, a store that can no longer be written to shows nowhere else.
  - "Known harmless errors are left out: C(failed to get log ... log not found), which a leader logs before it sends a
    snapshot, and errors about the network or another server, such as C(failed to heartbeat to)."
  - Reads Nomad's plain and JSON lines. It cannot find what a C(log_level) above ERROR keeps out of the log.
extends_documentation_fragment:
  - raftops.nomad.attributes
  - raftops.nomad.attributes.info
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
  file:
    description:
      - Read the end of this log file, at most its last 8 MiB.
    type: path
  command:
    description:
      - Read what this command prints. It may print only the last lines. Its exit code does not matter. It is not run
        by a shell.
    type: str
"""

EXAMPLES = r"""
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
"""

import os
import shlex

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.raftops.nomad.plugins.module_utils.agent.host.log import read

SPEC = {
    "since": {"type": "float", "required": True},
    "unit": {"type": "str"},
    "file": {"type": "path"},
    "command": {"type": "str"},
}
MAX_LEN = 8 << 20
SHOWN = 20


def log_lines(module: AnsibleModule) -> list:
    """The lines of the log, as far as they are needed."""
    params = module.params
    if params["file"]:
        return end_of(params["file"])
    if params["unit"]:
        since = f"--since=@{int(params['since'])}"
        command = ["journalctl", "--no-pager", "--output=cat", since, f"--unit={params['unit']}"]
        code, out, err = module.run_command(command)
        if code != 0:
            module.fail_json(
                msg=f"journalctl failed: {err.strip()[-500:]}. The log of {params['unit']} must be readable."
            )
        return out.splitlines()
    return module.run_command(shlex.split(params["command"]))[1].splitlines()


def end_of(path: str) -> list:
    """The last lines of a file, at most MAX_LEN bytes of it."""
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - MAX_LEN))
        return file.read(MAX_LEN).decode("utf-8", "replace").splitlines()


def main() -> None:
    sources = ["unit", "file", "command"]
    module = AnsibleModule(
        argument_spec=SPEC, mutually_exclusive=[sources], required_one_of=[sources], supports_check_mode=True
    )
    try:
        found = read(log_lines(module), module.params["since"])
    except OSError as error:
        module.fail_json(
            msg=f"{module.params['file']}: {error.strerror}. Give the file that the agent writes its log to."
        )
    result = {"lines": found.lines, "errors": found.errors[-SHOWN:], "harmless": found.harmless[-SHOWN:]}
    if not found.lines:
        module.warn(
            "The agent has logged nothing since its start, so nothing says whether its store works. Give the file that"
            " it logs to; in a roll that is raft_logstore_log_file."
        )
    if found.errors:
        what = f"The agent's log has {len(found.errors)} errors about the Raft store since its start, the last one"
        module.fail_json(msg=f"{what}: {found.errors[-1][:300]}", **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
