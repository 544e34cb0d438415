# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A conversion, or its refusal, with the checks that hold of every one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.outcome import Outcome
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import migrate
from support.stores.builder import clock, entries_of, listing, nomad_start, request


def run(raft: Path, **options: object) -> Outcome:
    """Check mode first, which must change nothing and foretell names and plan; then for real."""
    before = listing(raft)
    told = migrate(request(raft, check=True, **options), clock=clock)
    assert listing(raft) == before
    done = migrate(request(raft, **options), clock=clock)
    assert (told.changed, told.state, told.plan, told.after, told.backup) == (
        done.changed, done.state, done.plan, done.after, done.backup,
    )  # fmt: skip
    assert (told.entries, told.first_index, told.last_index, told.dropped_entries, told.stable) == (
        done.entries, done.first_index, done.last_index, done.dropped_entries, done.stable,
    )  # fmt: skip
    assert done.changed == bool(done.plan)
    return done


def refused(raft: Path, kind: type[StoreError], **options: object) -> StoreError:
    """The error of a refusal, which has left every byte, mode and name as it was, with a path and a remedy."""
    before = listing(raft)
    with pytest.raises(kind) as caught:
        migrate(request(raft, **options), clock=clock)
    assert listing(raft) == before
    assert str(raft) in caught.value.path
    assert caught.value.hint
    return caught.value


def on(raft: Path, backend: str, lines: list[str]) -> None:
    """Its store has exactly these entries; Nomad starts on it and on nothing else; to ask again changes nothing."""
    store, other = ("wal", "boltdb") if backend == "wal" else ("raft.db", "wal")
    assert entries_of(raft / store) == lines
    assert nomad_start(raft, backend) == store and nomad_start(raft, other) == "refuses"
    assert backend == "wal" or not (raft / "wal").exists()
    assert not [path.name for path in raft.iterdir() if path.name.endswith(".partial")]
    before = listing(raft)
    again = migrate(request(raft, backend=backend), clock=clock)
    assert (again.changed, again.plan, again.state) == (False, [], backend)
    assert listing(raft) == before
