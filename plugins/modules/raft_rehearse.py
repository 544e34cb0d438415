#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments, one call of raftstore.rehearse, one result."""

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_rehearse
short_description: Rehearse the conversion of a Raft log store beside the running Nomad server
version_added: 1.0.0
description:
  - Clones the Raft log store of one Nomad server, converts the clone to the other backend as
    M(raftops.nomad.raft_migrate_backend) would, converts it back, and compares the digests. Then all of it is removed.
  - The store itself is only read. The server goes on running, and its configuration stays as it is.
  - The clone is made by the file system in one step (C(FICLONE)), so it is the store as it was at one moment. XFS (made
    with C(reflink=1), the default) and btrfs can do that. A plain copy of a store in use is never made. Where the file
    system cannot clone, only the store of a stopped server is rehearsed, on a copy.
  - It works in C(.raftops-rehearsal), a directory of mode 0700 beside the Raft directory. What a killed rehearsal
    leaves there is removed by the next one, and by the next conversion.
  - It asks for free space for all that it makes, and for a margin besides, the larger of 256 MiB and a twentieth of the
    file system. It gives up when less than half of the margin is left.
extends_documentation_fragment:
  - raftops.nomad._attributes
attributes:
  check_mode:
    support: full
    details:
      - RV(plan) says what would be done. Whether the file system can clone is only known once it is tried.
  diff_mode:
    support: N/A
    details:
      - Nothing that it makes stays.
  action:
    support: full
    details:
      - It shows the progress, and the result as a line.
  async:
    support: full
    details:
      - No progress is shown then.
options:
  data_dir:
    description:
      - The C(data_dir) of the Nomad agent. Its C(server) or C(server/raft) directory is accepted as well.
    type: path
    required: true
    aliases: [path]
  wal_segment_size:
    description:
      - As for M(raftops.nomad.raft_migrate_backend).
    type: int
    default: 64
  workers:
    description:
      - Number of processes that read, convert and compare. V(0) means one for each core, as in a conversion by default.
      - They run with the lowest priority for the processor and, where the I/O scheduler knows priorities, for the disk.
    type: int
    default: 1
  copied:
    description:
      - Rehearse on the copy that M(raftops.nomad.server_backend) has made with
        O(raftops.nomad.server_backend#module:state=copied), while the server was stopped. It is removed in any case.
    type: bool
    default: false
  progress_file:
    description:
      - As for M(raftops.nomad.raft_migrate_backend).
    type: path
seealso:
  - module: raftops.nomad.raft_migrate_backend
  - module: raftops.nomad.raft_store_info
author:
  - raftops.nomad contributors (@raftops)
"""

EXAMPLES = r"""
- name: Rehearse the conversion of a running server's store
  raftops.nomad.raft_rehearse:
    data_dir: /opt/nomad/data
  register: rehearsed

- name: How long would this server be converted?
  ansible.builtin.debug:
    msg: "{{ rehearsed.rehearsal.there.seconds }} s"
  when: rehearsed.rehearsal.rehearsed
"""

RETURN = r"""
changed:
  description: Whether something of a killed rehearsal was removed, or in check mode would be.
  returned: success
  type: bool
  sample: false
msg:
  description: What was found, in a sentence.
  returned: always
  type: str
  sample: boltdb -> wal 0.9 s (41.2 MB/s), back 1.1 s; 663 entries, all equal.
plan:
  description: The steps of a rehearsal of this store.
  returned: success
  type: list
  elements: str
  sample:
    - clone raft.db into /opt/nomad/data/server/.raftops-rehearsal/
    - convert the clone to wal and compare every entry
    - convert that to boltdb and compare every entry
    - compare the digests of the clone and of what came back
    - remove /opt/nomad/data/server/.raftops-rehearsal/
rehearsal:
  description: What was found.
  returned: success
  type: dict
  contains:
    rehearsed:
      description: Whether the conversion was rehearsed. Not in check mode, nor when there is a RV(rehearsal.refusal).
      type: bool
      sample: true
    refusal:
      description: A sentence on why nothing was rehearsed, "" if nothing is in the way.
      type: str
      sample: ""
    needs_stop:
      description: Whether that is only because the store is in use and its file system cannot clone.
      type: bool
      sample: false
    raft_dir:
      description: The Raft directory.
      type: str
      sample: /opt/nomad/data/server/raft
    backend:
      description: The backend of the store, null if there is none or it is undecided.
      type: str
      sample: boltdb
    size:
      description: Size of the store's files in bytes.
      type: int
      sample: 524288
    in_use:
      description: Whether Nomad or another process had the store open.
      type: bool
      sample: true
    method:
      description: V(clone), V(copy) for a store that nobody had open, or "".
      type: str
      sample: clone
    clone_seconds:
      description: Seconds until the store was cloned or copied. Writers wait for a clone.
      type: float
      sample: 0.002
    there:
      description: The conversion to the other backend. Null if nothing was rehearsed.
      type: dict
      contains: &way
        backend:
          description: The backend that it led to.
          type: str
          sample: wal
        seconds:
          description: Seconds of the whole conversion, as RV(raftops.nomad.raft_migrate_backend#module:elapsed).
          type: float
          sample: 0.93
        convert:
          description: Seconds of reading and writing.
          type: float
          sample: 0.41
        verify:
          description: Seconds of reading back and comparing.
          type: float
          sample: 0.35
        bytes_read:
          description: Bytes of entries in the store that was converted.
          type: int
          sample: 335872
        bytes_written:
          description: Bytes written to the new store.
          type: int
          sample: 301240
        mb_per_s:
          description: Of the bytes read, in megabytes for each of the RV(rehearsal.there.seconds).
          type: float
          sample: 41.2
    back:
      description: The conversion back. Null if nothing was rehearsed.
      type: dict
      contains: *way
    entries:
      description: Number of entries that were converted, null if nothing was rehearsed.
      type: int
      sample: 663
    first_index:
      description: Index of the first of them, V(0) in an empty log.
      type: int
      sample: 1
    last_index:
      description: Index of the last of them, V(0) in an empty log.
      type: int
      sample: 663
    dropped_entries:
      description: As RV(raftops.nomad.raft_migrate_backend#module:dropped_entries).
      type: int
      sample: 0
    digest:
      description: >-
        As RV(raftops.nomad.raft_store_info#module:raft_store.digest). It is the same before and after both conversions.
      type: str
      sample: dc165e499f8c611949a0baf5fe4b7eb76d181cfc5202dd9e5e9153eac28fc47f
    required_bytes:
      description: Free space that a rehearsal asks for, the margin included. An upper bound, from file sizes.
      type: int
      sample: 403000000
    available_bytes:
      description: Free space of the file system.
      type: int
      sample: 22334668800
    freed_bytes:
      description: Bytes that both conversions have written, and that are free again. A copy of the store comes on top.
      type: int
      sample: 637112
    left:
      description: Whether there was something of a killed rehearsal.
      type: bool
      sample: false
    seconds:
      description: Seconds of the whole rehearsal.
      type: float
      sample: 2.4
path:
  description: The file or directory that the failure is about. It is the server's own, although its clone is meant.
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
  sample: What it had made is removed. Free some space and run again.
"""

from dataclasses import asdict, replace

from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._disk.segmentsize import DEFAULT_SEGMENT_MIB
from ansible_collections.raftops.nomad.plugins.module_utils._progress import progress_file
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal.priority import lowered
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearse import Rehearsal, Wish, rehearse
from ansible_collections.raftops.nomad.plugins.module_utils._results import failure


def rehearsal(module: Module) -> Rehearsal:
    """The rehearsal, with the progress file around it."""
    params = module.params
    wish = Wish(params["data_dir"], params["wal_segment_size"], params["workers"], module.check_mode, params["copied"])
    with lowered():
        if not params["progress_file"] or module.check_mode:
            return rehearse(wish)
        with progress_file(params["progress_file"], params["data_dir"], module.warn) as progress:
            return rehearse(replace(wish, progress=progress))


def main() -> None:
    module = Module(
        argument_spec={
            "data_dir": {"type": "path", "required": True, "aliases": ["path"]},
            "wal_segment_size": {"type": "int", "default": DEFAULT_SEGMENT_MIB},
            "workers": {"type": "int", "default": 1},
            "copied": {"type": "bool", "default": False},
            "progress_file": {"type": "path"},
        },
        supports_check_mode=True,
    )
    try:
        done = rehearsal(module)
    except (StoreError, OSError) as error:
        module.fail_json(**failure(error))
    found = asdict(done)
    for warning in found.pop("warnings"):
        module.warn(warning)
    plan = found.pop("plan")
    module.exit_json(changed=done.left, msg=done.sentence(), plan=plan, rehearsal=found)


if __name__ == "__main__":
    main()
