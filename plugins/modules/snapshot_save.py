#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot_save
short_description: Save a snapshot of a Nomad cluster to a directory on the server
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - Fetches a snapshot, checks the digest that Nomad sends with it and the archive's content, and saves it as a
    file of mode 0600.
  - A snapshot contains the cluster's encryption keys in clear text, so its content is never logged and the file
    belongs to the user running the module.
  - With ACLs it needs a token with the capability C(snapshot-save) or with C(operator:write).
extends_documentation_fragment:
  - raftops.nomad._connection
  - raftops.nomad._attributes
  - raftops.nomad._attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - No snapshot is taken, because taking one changes the server. O(dest) is checked.
  diff_mode:
    support: none
  action:
    support: full
    details:
      - It shows how much has come, once that takes long.
  idempotent:
    support: none
    details:
      - Each run saves another file. With O(name) a second run fails, because nothing is ever replaced.
options:
  dest:
    description:
      - Directory on the managed host for the file. If missing, it is created with mode 0700; its parent must exist.
      - An existing directory must belong to root or to the user running the module and must not be writable by others.
    type: path
    required: true
  stale:
    description:
      - Whether to take the snapshot of the server asked instead of the leader's. This needs no leader.
      - It also leaves that server with a fresh Raft snapshot on its own disk. It then has less to replay after a
        restart and knows its ACL tokens at once.
    type: bool
    default: false
  name:
    description:
      - Name of the file in O(dest). It must not exist.
      - Left out, C(nomad-INDEX-TIME.snap).
    type: str
  wait_timeout:
    description:
      - Seconds the whole transfer may take.
    type: int
    default: 600
  progress_file:
    description:
      - A file to be created when the snapshot is asked for, and removed at its end. Otherwise as
        O(raftops.nomad.server_wait#module:progress_file). The module's action makes one of its own.
    type: path
seealso:
  - module: raftops.nomad.raft_migrate_backend
"""

EXAMPLES = r"""
- name: Save the leader's snapshot
  raftops.nomad.snapshot_save:
    dest: /opt/nomad/snapshots
  register: snapshot

- name: Save this server's own snapshot just before it is stopped
  raftops.nomad.snapshot_save:
    dest: /opt/nomad/snapshots
    stale: true
"""

RETURN = r"""
path:
  description: The file written. In check mode the directory with a slash at the end.
  returned: always
  type: str
  sample: /opt/nomad/snapshots/nomad-316-20261122T104744Z.snap
size:
  description: Size of the file in bytes.
  returned: when not in check mode
  type: int
  sample: 50320
sha256:
  description: Its SHA-256, compared with the digest that Nomad sent, in lower-case hex.
  returned: when not in check mode
  type: str
  sample: 09640763a2efc71c19b4978b1cae74c30053a7118f7ffa826dee1a2da847c0ad
index:
  description: Last Raft index in the snapshot.
  returned: when not in check mode
  type: int
  sample: 316
term:
  description: Raft term of that entry.
  returned: when not in check mode
  type: int
  sample: 6
snapshot_id:
  description: Raft's name of the snapshot.
  returned: when not in check mode
  type: str
  sample: 6-316-1795344464412
state_size:
  description: Size of the state inside, in bytes.
  returned: when not in check mode
  type: int
  sample: 176128
servers:
  description: Raft IDs of the servers in the snapshot's configuration, sorted.
  returned: when not in check mode
  type: list
  elements: str
  sample: [0c36f51e-b2bb-1b17-949f-a5a934efe5a8, 1e70156a-c6aa-01a1-ba14-e2df5513ced6,
    e93eaec1-b82a-bf92-f2a5-79d404511e21]
elapsed:
  description: Seconds it took.
  returned: always
  type: float
  sample: 0.4
"""

import os
import time

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import argument_spec, from_params
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.snapshot import open_directory, save
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._progress import waits_file

SPEC = {
    "dest": {"type": "path", "required": True},
    "stale": {"type": "bool", "default": False},
    "name": {"type": "str"},
    "wait_timeout": {"type": "int", "default": 600},
    "progress_file": {"type": "path"},
}


def run(module: Module, client: Client) -> dict:
    """Save, or look at the directory in check mode; returns the result. Raises AgentError or StoreError."""
    dest, name = module.params["dest"], module.params["name"] or ""
    if "/" in name or name.startswith("."):
        raise AgentError("name must be a plain file name that does not begin with a dot")
    start = time.monotonic()
    directory = open_directory(dest, os.geteuid(), create=not module.check_mode)
    try:
        if directory and name and directory.stat(name):
            raise AgentError(f"{directory.path_of(name)} exists", "Choose another name, nothing is ever replaced.")
        if module.check_mode:
            return {"changed": True, "path": os.path.join(dest, name), "elapsed": 0.0}
        deadline = start + module.params["wait_timeout"]
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        with waits_file(module.params["progress_file"]) as tell:
            result = save(client, directory, name, module.params["stale"], deadline, now, tell)
    finally:
        if directory:
            directory.close()
    return dict(result, changed=True, elapsed=round(time.monotonic() - start, 3))


def main() -> None:
    module = Module(argument_spec=dict(argument_spec(), **SPEC), supports_check_mode=True)
    try:
        module.exit_json(**run(module, Client(from_params(module.params, os.environ))))
    except (AgentError, StoreError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
