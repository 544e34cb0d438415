# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be found in one Raft directory, as plain values: the columns of the state table, and a snapshot. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Evidence:
    """The columns of the state table, as the words that the table and its documentation use."""

    raft_db: str = "-"  # - absent, G guard, ok, 0 covered by anything, bad, other: a foreign link, directory, device
    wal: str = "-"  # - absent, ok, 0 empty or abandoned by Nomad or its command, bad
    relation: str = ""  # of two readable stores: see covers.py
    past: str = ""  # with no store: none, blank, or recorded: something here records a term or entries
    backup: str = ""  # of an open journal: covered (by the store that counts, or gone) or not covered
    journal: str = "-"  # absent; open, done, not ours, unknown: see journal.py
    leftovers: str = "none"  # some: partial files
    names: str = "one"  # of raft.db: one; ours: also a backup's name; foreign: any other second name
    place: str = "here"  # foreign: another mount, or a metadata file of unknown kind
    store_lock: str = "free"
    run_lock: str = "free"


@dataclass(frozen=True)
class Snapshot:
    """What meta.json says. `crc` is of state.bin, `size` its length in bytes."""

    id: str
    index: int
    term: int
    size: int
    crc: int
