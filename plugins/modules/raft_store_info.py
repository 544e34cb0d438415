#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments, one call of raftstore.describe, one result, and the hold of a roll beside it. Reads only."""

from __future__ import annotations

DOCUMENTATION = r"""
module: raft_store_info
short_description: Show the Raft log store on the disk of a Nomad server
version_added: 1.0.0
description:
  - Shows which store a Nomad server has on disk, its state and its content, without changing anything.
  - Works beside a running Nomad. A store in use is not read, since its files may change at any moment; its numbers are
    then null.
extends_documentation_fragment:
  - raftops.nomad._attributes.info
  - raftops.nomad._attributes
options:
  data_dir:
    description:
      - The C(data_dir) of the Nomad agent. Its C(server) or C(server/raft) directory is accepted as well.
    type: path
    required: true
    aliases: [path]
  digest:
    description:
      - Read all entries and return a digest that does not depend on the backend. If it is the same before and after a
        conversion, no entry has changed.
      - Fails if the store is in use, or in a state in which no store has everything, V(lost) for example.
    type: bool
    default: false
  verify:
    description:
      - Read all entries and check all that can be checked. Fails where O(digest=true) does.
    type: bool
    default: false
  backend:
    description:
      - Also find out whether M(raftops.nomad.raft_migrate_backend) would bring the store to this backend, see
        RV(raft_store.refusal) and RV(raft_store.estimated_bytes). A store in use is judged by what can be told from
        outside.
    type: str
    choices: [wal, boltdb]
  wal_segment_size:
    description:
      - As for M(raftops.nomad.raft_migrate_backend). RV(raft_store.required_bytes) has room for one such segment.
    type: int
    default: 64
  backup_dir:
    description:
      - As for M(raftops.nomad.raft_migrate_backend). A copy on the file system of the Raft directory counts in
        RV(raft_store.required_bytes).
    type: path
seealso:
  - module: raftops.nomad.raft_migrate_backend
author:
  - raftops.nomad contributors (@raftops)
"""

EXAMPLES = r"""
- name: See which backend a server has on disk
  raftops.nomad.raft_store_info:
    data_dir: /opt/nomad/data
  register: store

- name: Stop before anything is done to a store that cannot be converted
  ansible.builtin.assert:
    that: store.raft_store.migratable
    fail_msg: "{{ store.raft_store.problems | join(' ') }}"

- name: Get the digest of a stopped server's entries
  raftops.nomad.raft_store_info:
    data_dir: /opt/nomad/data
    digest: true
"""

RETURN = r"""
raft_store:
  description: The store.
  returned: success
  type: dict
  contains:
    raft_dir:
      description: The Raft directory.
      type: str
      sample: /opt/nomad/data/server/raft
    node_id:
      description: The Raft ID of the server, from the file C(node-id) beside the Raft directory; null if there is none.
      type: str
      sample: e93eaec1-b82a-bf92-f2a5-79d404511e21
    state:
      description: >-
        V(empty), V(boltdb), V(wal), V(both) (an interrupted conversion), V(lost) (a store was here), V(forked) (two
        stores, each with something that the other lacks), V(damaged), V(foreign) (something here was not made by Nomad
        or this collection), V(newer_tool) (a newer version of this collection was at work).
      type: str
      sample: boltdb
    in_use:
      description: Whether Nomad or another process has the store open.
      type: bool
      sample: false
    guarded:
      description: Whether C(raft.db) is the link that keeps Nomad from starting on an empty BoltDB store.
      type: bool
      sample: false
    interrupted_by:
      description: Who began that conversion, if O(raftops.nomad.raft_migrate_backend#module:origin) was given.
      type: str
      sample: controller-1
    interrupted:
      description: Whether a conversion was begun and not finished. Running it again finishes it.
      type: bool
      sample: false
    held:
      description: The hold that a roll has left here. Null when there is none, or none that can be trusted.
      type: dict
      contains:
        origin:
          description: Who holds.
          type: str
          sample: controller-1
        previous:
          description: The value of C(CleanupDeadServers) to put back.
          type: bool
          sample: true
        created:
          description: When the hold began, in UTC.
          type: str
          sample: "2026-11-22T13:20:35Z"
    hold:
      description: Whether a roll has left a hold on autopilot's removal of dead servers here.
      type: bool
      sample: false
    backend:
      description: The backend that can open this store. Null if there is none or it is undecided.
      type: str
      sample: boltdb
    first_index:
      description: Index of the first entry, V(0) in an empty log, null while in use.
      type: int
      sample: 1
    last_index:
      description: Index of the last entry, V(0) in an empty log, null while in use.
      type: int
      sample: 663
    entries:
      description: Number of entries, null while in use.
      type: int
      sample: 663
    gaps:
      description: Ranges of missing indexes between the first and the last entry.
      type: list
      elements: dict
      contains:
        first:
          description: First missing index.
          type: int
          sample: 129
        last:
          description: Last missing index.
          type: int
          sample: 169
    stable:
      description: Raft's stable values, null while in use.
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
    size:
      description: Size of the store's files in bytes.
      type: int
      sample: 524288
    page_size:
      description: Page size of a BoltDB store in bytes, null otherwise.
      type: int
      sample: 4096
    segments:
      description: Number of segments of a WAL, null otherwise.
      type: int
      sample: null
    snapshots:
      description: The snapshots that Raft would open, newest first.
      type: list
      elements: dict
      contains:
        id:
          description: Name of the snapshot's directory.
          type: str
          sample: 2-169-1795344556044
        index:
          description: Last index that is in the snapshot.
          type: int
          sample: 169
        term:
          description: Term of that index.
          type: int
          sample: 2
        size:
          description: Size in bytes.
          type: int
          sample: 24150
    backups:
      description: Names of old stores beside this one.
      type: list
      elements: str
      sample: [raft.db.migrated.20261122-104750]
    required_bytes:
      description: >-
        Free space that a conversion to WAL asks for, with O(wal_segment_size) and O(backup_dir). Null if there is none
        to do, if the store is in use, and if the conversion would be refused before space is looked at, in which case
        RV(raft_store.migratable) is false.
      type: int
      sample: 67434496
    available_bytes:
      description: Free space of the file system.
      type: int
      sample: 22334668800
    migratable:
      description: >-
        Whether M(raftops.nomad.raft_migrate_backend), run by the same user and with these options, can bring this store
        to WAL once Nomad is stopped.
      type: bool
      sample: true
    problems:
      description: >-
        Sentences on what prevents a conversion, or is unknown until Nomad is stopped. A conversion is refused for the
        first reason found; there may be more behind it.
      type: list
      elements: str
      sample: []
    refusal:
      description: With O(backend), a sentence on why the conversion would be refused now. Otherwise empty.
      type: str
      sample: ""
    estimated_bytes:
      description: >-
        With O(backend), the free space that its conversion asks for, even for a store in use; it is then estimated from
        file sizes: an upper bound to WAL, approximate to BoltDB. Null if nothing is to be converted, if the conversion
        would be refused before space is looked at, and without O(backend).
      type: int
      sample: 67434496
    digest:
      description: >-
        With O(digest=true), the SHA-256 over one line for each entry, in order, each ended by a newline. A line is
        index, term, type, data and extensions in lower-case hex, and the time of appending in Unix nanoseconds (0 when
        zero), separated by single spaces. With two stores (V(both)) it is the digest of the one that has everything.
        Null only when there is no store and never was one (V(empty)).
      type: str
      sample: dc165e499f8c611949a0baf5fe4b7eb76d181cfc5202dd9e5e9153eac28fc47f
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

from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._disk.segmentsize import DEFAULT_SEGMENT_MIB
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.describe import describe
from ansible_collections.raftops.nomad.plugins.module_utils._results import failure
from ansible_collections.raftops.nomad.plugins.module_utils._server.ondisk import held


def main() -> None:
    module = Module(
        argument_spec={
            "data_dir": {"type": "path", "required": True, "aliases": ["path"]},
            "digest": {"type": "bool", "default": False},
            "verify": {"type": "bool", "default": False},
            "backend": {"type": "str", "choices": ["wal", "boltdb"]},
            "wal_segment_size": {"type": "int", "default": DEFAULT_SEGMENT_MIB},
            "backup_dir": {"type": "path"},
        },
        supports_check_mode=True,
    )
    options = ("data_dir", "digest", "verify", "backend", "wal_segment_size", "backup_dir")
    try:
        store = describe(**{name: module.params[name] for name in options})
    except (StoreError, OSError) as error:
        module.fail_json(**failure(error))
    hold, warnings = held(store["raft_dir"])
    for warning in warnings:
        module.warn(warning)
    module.exit_json(changed=False, raft_store=dict(store, held=hold))


if __name__ == "__main__":
    main()
