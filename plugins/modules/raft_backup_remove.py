#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments, one call of raftstore.prune, one result. What may be removed is decided there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_backup_remove
short_description: Remove the old Raft stores and the snapshots that conversions and rolls leave behind
version_added: 1.0.0
description:
  - Removes what M(raftops.nomad.raft_migrate_backend) and C(nomad operator raft migrate-backend) leave beside the store
    of a Nomad server, C(raft.db.migrated.*) and C(wal.migrated.*). A store itself is never removed.
  - With O(snapshot_dir) also removes the snapshots that rolls have left there. They contain the cluster's keys.
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
      - The names in the Raft directory before and after, and the snapshots of O(snapshot_dir).
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
  snapshot_dir:
    description:
      - The directory where rolls leave their snapshots. Left out, no snapshot is looked at.
      - Only files with the names that rolls give, C(nomad-*-TIME.snap), are removed. Links are not followed.
      - Fails for a directory where other users can write. One that is missing has no snapshots.
    type: path
  keep_snapshots:
    description:
      - Number of snapshots to keep in O(snapshot_dir), the newest ones by the time in their names.
    type: int
    default: 1
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

- name: Remove all old stores, and all snapshots except the newest
  raftops.nomad.raft_backup_remove:
    data_dir: /opt/nomad/data
    snapshot_dir: /var/lib/nomad-raft-snapshots
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
removed_snapshots:
  description: Paths of the snapshots that were removed, oldest first. In check mode, those that would be.
  returned: success
  type: list
  elements: str
  sample: [/var/lib/nomad-raft-snapshots/nomad-316-20261122T104744Z.snap]
kept_snapshots:
  description: Paths of the snapshots that stay, oldest first.
  returned: success
  type: list
  elements: str
  sample: []
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

import os

from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster import snapshotfiles
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.prune import prune
from ansible_collections.raftops.nomad.plugins.module_utils._results import difference, failure
from ansible_collections.raftops.nomad.plugins.module_utils._text.sizes import counted, human


def snapshots(module: Module, check: bool) -> tuple:
    """The snapshots that go, or are gone by now, and those that stay."""
    path = module.params["snapshot_dir"]
    return snapshotfiles.prune(path, os.geteuid(), module.params["keep_snapshots"], check) if path else ([], [])


def sentence(stores: int, files: int, size: int, check: bool) -> str:
    """What was removed, or would be."""
    counts = [(stores, "old store"), (files, "snapshot")]
    told = [counted(count, what) for count, what in counts if count]
    if not told:
        return "Nothing to remove."
    return f"{'Would remove' if check else 'Removed'} {' and '.join(told)}, {human(size)}."


def run(module: Module) -> dict:
    """Remove them, or only look; returns the result. All is looked at before anything is removed."""
    check = module.check_mode
    snapshots(module, True)
    done = prune(module.params["data_dir"], module.params["keep"], check)
    for warning in done.warnings:
        module.warn(warning)
    goes, stays = snapshots(module, check)
    freed = done.freed_bytes + sum(one.size for one in goes)
    return {
        "changed": bool(done.removed or goes),
        "msg": sentence(len(done.removed), len(goes), freed, check),
        "removed": done.removed,
        "kept": done.kept,
        "removed_snapshots": [one.path for one in goes],
        "kept_snapshots": [one.path for one in stays],
        "freed_bytes": freed,
        "state": done.state,
        "raft_dir": done.raft_dir,
        **({"diff": shown(done, goes, stays)} if module._diff else {}),
    }


def shown(done, goes: list, stays: list) -> list:
    """The names in the Raft directory before and after, and the snapshots where there are any."""
    before, after = ("".join(f"{one.path}\n" for one in files) for files in (goes + stays, stays))
    return [difference(done), *([{"before": before, "after": after}] if before else [])]


def main() -> None:
    module = Module(
        argument_spec={
            "data_dir": {"type": "path", "required": True, "aliases": ["path"]},
            "keep": {"type": "int", "default": 0},
            "snapshot_dir": {"type": "path"},
            "keep_snapshots": {"type": "int", "default": 1},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module))
    except (StoreError, OSError) as error:
        module.fail_json(**failure(error))


if __name__ == "__main__":
    main()
