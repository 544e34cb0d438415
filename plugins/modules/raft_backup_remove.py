#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments, one call of raftstore.prune, one result. What may be removed is decided there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_backup_remove
short_description: Remove the old Raft stores that conversions leave behind
version_added: 1.0.0
description:
  - Removes what M(raftops.nomad.raft_migrate_backend) and C(nomad operator raft migrate-backend) leave beside the store
    of a Nomad server, C(raft.db.migrated.*) and C(wal.migrated.*), and nothing else. A store itself is never removed.
  - Works beside a running Nomad. Fails, and removes nothing, unless the server's store is a BoltDB store or a WAL with
    nothing unfinished about it. Fails in the same way when a process has an old store open.
  - What a killed M(raftops.nomad.raft_rehearse) has left is removed as well.
  - An old C(raft.db) is worth less every day. It lacks the votes that came since, so it must not be renamed back.
extends_documentation_fragment:
  - raftops.nomad._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - The names in the Raft directory before and after.
options:
  data_dir:
    description:
      - The C(data_dir) of the Nomad agent. Its C(server) or C(server/raft) directory is accepted as well.
    type: path
    required: true
    aliases: [path]
  keep:
    description:
      - Number of old stores to keep, the newest ones by the time in their names.
    type: int
    default: 0
seealso:
  - module: raftops.nomad.raft_migrate_backend
  - module: raftops.nomad.raft_store_info
author:
  - raftops.nomad contributors (@raftops)
"""

EXAMPLES = r"""
- name: Show what would be removed
  raftops.nomad.raft_backup_remove:
    data_dir: /opt/nomad/data
  check_mode: true

- name: Remove all old stores except the newest
  raftops.nomad.raft_backup_remove:
    data_dir: /opt/nomad/data
    keep: 1
"""

RETURN = r"""
msg:
  description: What was removed, or in check mode would be, in a sentence.
  returned: success
  type: str
  sample: Removed 1 old store, 214 MB.
removed:
  description: Names of the old stores that were removed, oldest first. In check mode, those that would be.
  returned: success
  type: list
  elements: str
  sample: [raft.db.migrated.20261122-104750]
kept:
  description: Names of the old stores that stay, oldest first.
  returned: success
  type: list
  elements: str
  sample: [wal.migrated.20261124-091502]
freed_bytes:
  description: Size of the files that were removed.
  returned: success
  type: int
  sample: 335872
state:
  description: State of the store, V(boltdb) or V(wal).
  returned: success
  type: str
  sample: wal
raft_dir:
  description: The Raft directory.
  returned: success
  type: str
  sample: /opt/nomad/data/server/raft
path:
  description: The file or directory that the failure is about.
  returned: failure
  type: str
  sample: /opt/nomad/data/server/raft
offset:
  description: Byte offset in RV(path), null where the failure has none.
  returned: failure
  type: int
  sample: null
hint:
  description: What to do about the failure.
  returned: failure
  type: str
  sample: Run raft_migrate_backend to its end first; raft_store_info shows what it found.
"""

from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.prune import prune
from ansible_collections.raftops.nomad.plugins.module_utils._results import difference, failure
from ansible_collections.raftops.nomad.plugins.module_utils._roll.tables import human


def main() -> None:
    module = Module(
        argument_spec={
            "data_dir": {"type": "path", "required": True, "aliases": ["path"]},
            "keep": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    try:
        done = prune(module.params["data_dir"], module.params["keep"], module.check_mode)
    except (StoreError, OSError) as error:
        module.fail_json(**failure(error))
    for warning in done.warnings:
        module.warn(warning)
    shown = {"diff": difference(done)} if module._diff else {}
    count = f"{len(done.removed)} old store{'' if len(done.removed) == 1 else 's'}, {human(done.freed_bytes)}"
    words = f"{'Would remove' if module.check_mode else 'Removed'} {count}." if done.removed else "Nothing to remove."
    module.exit_json(
        changed=bool(done.removed),
        msg=words,
        removed=done.removed,
        kept=done.kept,
        freed_bytes=done.freed_bytes,
        state=done.state,
        raft_dir=done.raft_dir,
        **shown,
    )


if __name__ == "__main__":
    main()
