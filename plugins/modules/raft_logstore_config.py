#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_logstore_config
short_description: The raft_logstore block in the configuration of a Nomad server
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - Ensures that the agent's configuration makes it run on a backend, whichever files it is spread over, and proves
    it by reading the result as Nomad would.
  - Nomad replaces the whole block by the one in a later file, so this module edits the block that wins. All
    other bytes, comments, line endings, owner, mode and SELinux label are kept.
  - If no file has the block, one is written to O(file).
  - Nomad refuses to start with both C(raft_logstore) and the deprecated C(raft_boltdb) block. The latter is moved into
    the former.
  - Misspelt settings inside the block, which Nomad silently ignores, and segment sizes that break a running
    log are errors here.
  - A running server is not affected. The change takes effect at its next start, and a server whose log is not on
    that backend yet refuses to start.
extends_documentation_fragment:
  - raftops.nomad._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  path:
    description:
      - The C(-config) arguments of the agent, files and directories, in their order.
      - From a directory the agent loads the files that end in C(.hcl) or C(.json), in the order of their names.
    type: list
    elements: path
    required: true
    aliases: [config_path]
  backend:
    description:
      - The backend that must be in effect.
      - With V(boltdb) the block stays, naming that backend and keeping its C(no_freelist_sync).
    type: str
    choices: [wal, boltdb]
    default: wal
  wal_segment_size:
    description:
      - Size of a log segment in MB, from 1 to 2047. Left out, the value in the configuration stays. Nomad's
        default is 64.
    type: int
  disable_log_cache:
    description:
      - Whether Raft's cache of recent entries is switched off. Left out, the value in the configuration stays.
    type: bool
  verification:
    description:
      - Nomad's verification of the log, a debugging aid. Left out, the value in the configuration stays.
    type: dict
    suboptions:
      enabled:
        description:
          - Whether it runs.
        type: bool
        required: true
      interval:
        description:
          - Time between two checks, a Go duration such as V(5m).
        type: str
  file:
    description:
      - Where to write the block when no file has one. The agent must load this file, so it is one of O(path), or in
        a directory of O(path) with a name that ends in C(.hcl) or C(.json).
      - A separate file stays out of the way of automation that owns the others.
      - Left out, it is C(raft_logstore.hcl) in the last directory of O(path) that outlasts a reboot or, if there is no
        directory, the file that has the C(server) block.
    type: path
    aliases: [config_file]
  backup:
    description:
      - Whether to keep a copy of each changed file beside it, with a time in its name. Nomad does not load the
        copy.
    type: bool
    default: false
seealso:
  - module: raftops.nomad.raft_migrate_backend
  - module: raftops.nomad.agent_info
"""

EXAMPLES = r"""
- name: Configure WAL, before the store is converted
  raftops.nomad.raft_logstore_config:
    path: [/etc/nomad.d]
    backend: wal

- name: Show what would change in a configuration of several parts
  raftops.nomad.raft_logstore_config:
    path:
      - /etc/nomad/base.hcl
      - /etc/nomad/conf.d
    backend: wal
    wal_segment_size: 128
    file: /etc/nomad/conf.d/90-raft.hcl
  check_mode: true
  diff: true
"""

RETURN = r"""
backend:
  description: The backend in effect afterwards.
  returned: success
  type: str
  sample: wal
previous_backend:
  description: The backend in effect before.
  returned: success
  type: str
  sample: boltdb
file:
  description: The file with the block in effect.
  returned: success
  type: str
  sample: /etc/nomad.d/raft_logstore.hcl
changed_files:
  description: The files written, in the order in which they were written.
  returned: success
  type: list
  elements: str
  sample: [/etc/nomad.d/raft_logstore.hcl]
backup_files:
  description: The copies kept.
  returned: success
  type: list
  elements: str
  sample: []
files:
  description: The files that the agent loads, in the order in which it merges them.
  returned: success
  type: list
  elements: str
  sample: [/etc/nomad.d/nomad.hcl, /etc/nomad.d/raft_logstore.hcl]
effective:
  description: The block in effect afterwards.
  returned: success
  type: dict
  contains:
    backend:
      description: The backend.
      type: str
      sample: wal
    wal_segment_size:
      description: Size of a segment in MB, null when not set.
      type: int
      sample: 64
    no_freelist_sync:
      description: Setting of the BoltDB backend, null when not set.
      type: bool
      sample: true
    disable_log_cache:
      description: Whether the cache is off.
      type: bool
      sample: false
    verification:
      description: Nomad's verification of the log, null when not set.
      type: dict
      sample: {enabled: true, interval: 5m}
agent:
  description: Other settings of the agent in this configuration, for finding its data and its API.
  returned: success
  type: dict
  contains:
    data_dir:
      description: C(data_dir), empty when not set.
      type: str
      sample: /opt/nomad/data
    raft_dir:
      description: Directory of the Raft log, following C(server.data_dir), empty when unknown.
      type: str
      sample: /opt/nomad/data/server/raft
    server:
      description: Whether the agent is a server.
      type: bool
      sample: true
    http_host:
      description: Address at which the HTTP API can be asked from the same host. Empty when it is a template that
        only the agent can compute.
      type: str
      sample: 127.0.0.1
    http_port:
      description: Port of the HTTP API.
      type: int
      sample: 4646
    use_ssl:
      description: Whether the HTTP API speaks HTTPS.
      type: bool
      sample: false
    verify_https_client:
      description: Whether the HTTP API demands a client certificate.
      type: bool
      sample: false
    region:
      description: Region of the agent.
      type: str
      sample: global
    leave_on_interrupt:
      description: Whether the server leaves the cluster when it is stopped with SIGINT.
      type: bool
      sample: false
    leave_on_terminate:
      description: Whether the server leaves the cluster when it is stopped with SIGTERM.
      type: bool
      sample: false
"""

from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.ensure import (
    Wish,
    carry_out,
    described,
    differences,
    passed_over,
    planned,
)
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ConfigError
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError

SPEC = {
    "path": {"type": "list", "elements": "path", "required": True, "aliases": ["config_path"]},
    "backend": {"type": "str", "choices": ["wal", "boltdb"], "default": "wal"},
    "wal_segment_size": {"type": "int"},
    "disable_log_cache": {"type": "bool"},
    "verification": {
        "type": "dict",
        "options": {"enabled": {"type": "bool", "required": True}, "interval": {"type": "str"}},
    },
    "file": {"type": "path", "aliases": ["config_file"]},
    "backup": {"type": "bool", "default": False},
}


def run(module: Module) -> dict:
    """Plan, write and prove; returns the result. Raises ConfigError or StoreError."""
    params = module.params
    names = ("backend", "wal_segment_size", "disable_log_cache", "verification", "backup")
    wish = Wish(params["path"], file=params["file"] or "", **{name: params[name] for name in names})
    what = planned(wish)
    for one in passed_over(wish, what):
        module.warn(f"The block goes to an earlier directory than {one.path}: {one.why}.")
    kept = [] if module.check_mode else carry_out(wish, what)
    shown = {"diff": differences(what)} if module._diff else {}
    return {**described(what, kept), **shown}


def main() -> None:
    module = Module(argument_spec=SPEC, supports_check_mode=True)
    try:
        module.exit_json(**run(module))
    except (ConfigError, StoreError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
