#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments, one call of raftstore.migrate, one result. No decision about a store is made here."""

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_migrate_backend
short_description: Convert the Raft log store of a stopped Nomad server
version_added: 1.0.0
description:
  - Converts the Raft log store of one Nomad server from BoltDB (C(raft.db)) to WAL (C(wal/)), or back.
    Entries, term and vote are kept, and every entry is read back from the new files and compared before the switch.
  - At every instant the directory has either its complete old store or its complete new one. The switch is one rename.
    The old store stays beside the new one under the name that Nomad's own command uses,
    C(raft.db.migrated.YYYYMMDD-HHMMSS); the way back leaves C(wal.migrated.YYYYMMDD-HHMMSS).
  - On the way back the WAL is converted with all entries and votes that came since. The old C(raft.db) itself is put
    back only if a full comparison shows that it has everything that the WAL has.
  - If a run is killed, the next one finishes it or starts over. A store that is already on the wanted backend
    is left as it is. Nomad must be stopped to find that out; beside a running server use check mode or
    M(raftops.nomad.raft_store_info).
  - While the store is the WAL, C(raft.db) is a dangling symbolic link. It makes Nomad refuse to start on BoltDB by
    mistake. Without it, Nomad would start with an empty log.
  - Nomad must be stopped. This is proven with file locks and by looking for processes that have a store open.
extends_documentation_fragment:
  - raftops.nomad._attributes
attributes:
  check_mode:
    support: full
    details:
      - The store is read and RV(plan) computed for real. A store in use is not an error, but a warning, as the run
        itself would refuse; its RV(entries) is then null.
  diff_mode:
    support: full
    details:
      - The names in the Raft directory before and after.
  action:
    support: full
    details:
      - It asks for confirmation, once for all hosts, and shows the progress.
  async:
    support: none
    details:
      - The controller asks and shows the progress, so it has to wait.
options:
  data_dir:
    description:
      - The C(data_dir) of the Nomad agent. Its C(server) or C(server/raft) directory is accepted as well.
    type: path
    required: true
    aliases: [path]
  backend:
    description:
      - The backend to have at the end.
      - To V(wal), change the agent's configuration first; to V(boltdb), change it afterwards. In this order Nomad
        never starts on the wrong store.
    type: str
    choices: [wal, boltdb]
    default: wal
  wal_segment_size:
    description:
      - Size of one WAL segment in MB, from 1 to 2047. Give the agent's own value, C(segment_size_mb).
    type: int
    default: 64
  force:
    description:
      - Convert without asking. Otherwise one question is asked for all hosts of the task, and the task fails when
        there is no terminal or nobody answers within 120 seconds.
      - Check mode never asks.
    type: bool
    default: false
  config_path:
    description:
      - The C(-config) arguments of the agent, files or directories, in order.
      - If given, the effective backend is read again just before the switch to WAL and must be V(wal). If not, a
        warning names the setting that has to be changed before Nomad is started.
    type: list
    elements: path
  backup_dir:
    description:
      - A directory for a full copy of the old store, made and compared before the switch.
      - The copy gets a backup's name once it is whole. What a killed run leaves ends in C(.partial); the next run
        with the same directory removes it.
      - The name includes the time but not the host. On storage that several servers share, give each its own directory,
        writable only by root.
    type: path
  workers:
    description:
      - Number of processes that read, convert and compare. V(0) means one for each core.
    type: int
    default: 0
  lock_timeout:
    description:
      - Seconds to wait for another run of this module on the same directory.
      - It does not wait for a store that Nomad has in use.
    type: int
    default: 60
  origin:
    description:
      - Who asks, such as the controller's name. It is kept with an interrupted conversion, see
        M(raftops.nomad.raft_store_info), to tell others whom to ask.
    type: str
    default: ""
  progress_file:
    description:
      - A file that exists during the run and is replaced about twice a second. It has one line of JSON with
        C(phase), C(done) and C(total) in entries, C(bytes) and C(elapsed) in seconds. Only a run that is killed leaves
        it behind.
      - It must not exist yet, and must not be below O(data_dir). Use a directory where only the user of the module can
        write.
      - By default the module's action uses a file below C(/run) and shows one line a second.
    type: path
notes:
  - The question waits for 120 seconds, or for as many as E(RAFTOPS_CONFIRM_TIMEOUT) says in the environment of the
    controller; 0 is for as long as it takes.
  - Interrupting the run is safe. When the connection is lost, the module goes on running on the target if ssh uses
    pipelining; otherwise it is killed. Run it again in both cases.
seealso:
  - module: raftops.nomad.raft_store_info
  - module: raftops.nomad.raft_logstore_config
author:
  - raftops.nomad contributors (@raftops)
"""

EXAMPLES = r"""
- name: Show what would be done, even while Nomad is running
  raftops.nomad.raft_migrate_backend:
    data_dir: /opt/nomad/data
  check_mode: true

- name: Convert the store of a stopped server to WAL
  raftops.nomad.raft_migrate_backend:
    data_dir: /opt/nomad/data
    config_path: [/etc/nomad.d]
    force: true

- name: Keep a full copy of the old store on another file system
  raftops.nomad.raft_migrate_backend:
    data_dir: /opt/nomad/data
    backup_dir: /srv/backup
    force: true

- name: Convert the store of a stopped server back to BoltDB, with everything that came since
  raftops.nomad.raft_migrate_backend:
    data_dir: /opt/nomad/data
    backend: boltdb
    force: true
"""

RETURN = r"""
backend:
  description: Backend of the store at the end, null if there is no store. In check mode, what it would be.
  returned: success
  type: str
  sample: wal
previous_backend:
  description: Backend of the store before, null if there was none.
  returned: success
  type: str
  sample: boltdb
entries:
  description: Number of entries in the store at the end, null if a store in use was looked at in check mode.
  returned: success
  type: int
  sample: 663
first_index:
  description: Index of the first entry, V(0) in an empty log, null when RV(entries) is.
  returned: success
  type: int
  sample: 1
last_index:
  description: Index of the last entry, V(0) in an empty log, null when RV(entries) is.
  returned: success
  type: int
  sample: 663
dropped_entries:
  description: Number of entries that were left out because a snapshot covers them and the new store cannot have holes.
  returned: success
  type: int
  sample: 0
stable:
  description: Raft's stable values, null when RV(entries) is.
  returned: success
  type: dict
  contains:
    current_term:
      description: The newest term the server has seen. Null if never written.
      type: int
      sample: 9
    last_vote_term:
      description: The term of its last vote. Null if it never voted.
      type: int
      sample: 9
    last_vote_candidate:
      description: The server it voted for. Null if it never voted.
      type: str
      sample: 10.0.0.1:4647
segments:
  description: Number of segments of the WAL, null when RV(backend) is not V(wal).
  returned: success
  type: int
  sample: 2
bytes_read:
  description: Bytes read from the old store.
  returned: success
  type: int
  sample: 335872
bytes_written:
  description: Bytes written to the new store.
  returned: success
  type: int
  sample: 301240
backup:
  description:
    - Absolute path of the old store, which stays beside the new one. Null if there is none. In check mode, what it
      would be; the time in it is that of the look.
  returned: success
  type: str
  sample: /opt/nomad/data/server/raft/raft.db.migrated.20261122-104750
elapsed:
  description: Seconds.
  returned: success
  type: dict
  contains:
    convert:
      description: Reading the old store and writing the new one.
      type: float
      sample: 0.41
    verify:
      description: Reading the new store and comparing it with the old one.
      type: float
      sample: 0.35
    total:
      description: The whole run.
      type: float
      sample: 0.93
verified:
  description: Number of entries read back from the new files and compared.
  returned: success
  type: int
  sample: 663
crc32c:
  description: The implementation of CRC-32C that was used.
  returned: success
  type: str
  sample: crc32c
resumed:
  description: Whether an earlier, interrupted run was finished or started over.
  returned: success
  type: bool
  sample: false
plan:
  description: The steps that were done. In check mode, those that would be.
  returned: success
  type: list
  elements: str
  sample:
    - open the journal .raft-migrate.json
    - convert raft.db to wal.partial/ and compare every entry
    - rename wal.partial/ to wal/
    - link raft.db to raft.db.migrated.20261122-104750
    - replace raft.db by the guard link
    - check that no process waits for the old raft.db
    - close the journal
path:
  description: The file or directory that the failure is about.
  returned: failure
  type: str
  sample: /opt/nomad/data/server/raft/raft.db
offset:
  description: Byte offset in RV(path), null where the failure has none.
  returned: failure
  type: int
  sample: 73728
hint:
  description: What to do about the failure.
  returned: failure
  type: str
  sample: Stop Nomad on this host, then run this again.
"""

from dataclasses import replace

from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._disk.segmentsize import DEFAULT_SEGMENT_MIB
from ansible_collections.raftops.nomad.plugins.module_utils._progress import progress_file
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.outcome import Outcome
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.request import Request
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import migrate
from ansible_collections.raftops.nomad.plugins.module_utils._results import difference, failure, success
from ansible_collections.raftops.nomad.plugins.module_utils._server.configured import effective_backend

SPEC = {
    "data_dir": {"type": "path", "required": True, "aliases": ["path"]},
    "backend": {"type": "str", "choices": ["wal", "boltdb"], "default": "wal"},
    "wal_segment_size": {"type": "int", "default": DEFAULT_SEGMENT_MIB},
    "force": {"type": "bool", "default": False},
    "config_path": {"type": "list", "elements": "path"},
    "backup_dir": {"type": "path"},
    "workers": {"type": "int", "default": 0},
    "lock_timeout": {"type": "int", "default": 60},
    "origin": {"type": "str", "default": ""},
    "progress_file": {"type": "path"},
}


def convert(module: Module) -> Outcome:
    """The conversion, with the progress file around it."""
    params = module.params
    request = Request(
        data_dir=params["data_dir"],
        backend=params["backend"],
        wal_segment_size=params["wal_segment_size"],
        effective_backend=effective_backend(params["config_path"]),
        backup_dir=params["backup_dir"],
        workers=params["workers"],
        lock_timeout_s=params["lock_timeout"],
        check=module.check_mode,
        origin=params["origin"],
    )
    if not params["progress_file"] or module.check_mode:
        return migrate(request)
    with progress_file(params["progress_file"], params["data_dir"], module.warn) as progress:
        return migrate(replace(request, progress=progress))


def main() -> None:
    module = Module(argument_spec=SPEC, supports_check_mode=True)
    try:
        done = convert(module)
    except (StoreError, OSError) as error:
        module.fail_json(**failure(error))
    for warning in done.warnings:
        module.warn(warning)
    shown = {"diff": difference(done)} if module._diff else {}
    module.exit_json(**success(done), **shown)


if __name__ == "__main__":
    main()
