# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A covers B: votes, logs, the journal's word, and why term and index alone are not enough."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, List, Optional

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Stable
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.reader import BoltStore
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory import covers
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.journal import Journal, Promise
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.entry import Entry
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.reader import WalStore
from support.stores.builder import (
    VOTED,
    log,
    write_boltdb,
    write_wal,
)

ADDRESS = b"10.0.0.1:4647"


class Pair:
    """A raft.db and a wal/ below one directory, opened."""

    def __init__(
        self, where: Path, bolt: List[Entry], bolt_stable: Stable, wal: List[Entry], wal_stable: Stable
    ) -> None:
        write_boltdb(where / "raft.db", bolt, bolt_stable)
        write_wal(where / "wal", wal, wal_stable)
        self.directory = Directory.open(str(where / "wal"))
        self.fds = [os.open(where / "raft.db", os.O_RDONLY), self.directory.open_read("wal-meta.db")]
        self.bolt = BoltStore(self.fds[0], str(where / "raft.db"))
        self.wal = WalStore(self.directory, self.fds[1])

    def close(self) -> None:
        self.directory.close()
        for fd in self.fds:
            os.close(fd)


def related(pair: Pair, journal: Optional[Journal] = None, snapshot_index: int = 0) -> str:
    try:
        return covers.relation(pair.bolt, pair.wal, journal, lambda: snapshot_index)
    finally:
        pair.close()


@pytest.mark.parametrize(
    ("bolt", "wal", "expected"),
    [
        (VOTED, VOTED, "equal"),
        (Stable(3, None, None), Stable(3, None, None), "equal"),
        (Stable(4, 3, ADDRESS), VOTED, covers.RAFT_DB_COVERS),
        (VOTED, Stable(4, 3, ADDRESS), covers.WAL_COVERS),
        (VOTED, Stable(3, 2, ADDRESS), covers.RAFT_DB_COVERS),
        (Stable(3, None, None), VOTED, covers.WAL_COVERS),
        (VOTED, Stable(3, 3, b"10.0.0.2:4647"), covers.NEITHER),
        (Stable(3, 2, b"a"), Stable(3, 2, b"b"), covers.RAFT_DB_COVERS),
        (Stable(), Stable(0, 0, None), "equal"),
    ],
)
def test_votes(bolt: Stable, wal: Stable, expected: str, tmp_path: Path) -> None:
    assert related(Pair(tmp_path, log(5), bolt, log(5), wal)) == expected


@pytest.mark.parametrize(
    ("bolt", "wal", "expected"),
    [
        (log(5), log(5), "equal"),
        (log(7), log(5), covers.RAFT_DB_COVERS),
        (log(5), log(7), covers.WAL_COVERS),
        (log(5), log(5, 3), covers.RAFT_DB_COVERS),
        (log(5, 3), log(5), covers.RAFT_DB_COVERS),
        (log(5), [], covers.RAFT_DB_COVERS),
        ([], log(5), covers.WAL_COVERS),
        ([], [], "equal"),
        (log(5), log(5, note="of another cluster"), covers.NEITHER),
        (log(5), log(7, note="of another cluster"), covers.NEITHER),
        (log(5), log(9, 7), covers.NEITHER),
        ([*log(2), *log(7, 5)], log(7, 5), covers.RAFT_DB_COVERS),
    ],
)
def test_logs(bolt: List[Entry], wal: List[Entry], expected: str, tmp_path: Path) -> None:
    assert related(Pair(tmp_path, bolt, VOTED, wal, VOTED)) == expected


def note(pair: Pair, **changed: Any) -> Journal:
    """A journal saying that raft.db was copied as a whole."""
    source = covers.promise(pair.bolt)._replace(**changed)
    return Journal("open", "wal", "1", None, source, source)


def test_what_was_copied_and_compacted_since_is_held_by_the_journal(tmp_path: Path) -> None:
    pair = Pair(tmp_path, log(5), VOTED, log(9, 7, 4), Stable(4, None, None))
    assert related(pair, note(pair)) == covers.WAL_COVERS


@pytest.mark.parametrize(
    "changed",
    [{"current_term": 4}, {"last_vote_term": 2}, {"last_vote_candidate": b"x"}, {"first_index": 2}, {"last_index": 4},
     {"last_entry_sha256": "00"}],
)  # fmt: skip
def test_the_journal_must_mean_this_very_store(changed: Any, tmp_path: Path) -> None:
    pair = Pair(tmp_path, log(5), VOTED, log(9, 7, 4), Stable(4, None, None))
    assert related(pair, note(pair, **changed)) == covers.NEITHER


@pytest.mark.parametrize(
    ("snapshot_index", "expected"), [(5, covers.WAL_COVERS), (4, covers.NEITHER), (0, covers.NEITHER)]
)
def test_where_nothing_was_copied_a_snapshot_must_cover_it(snapshot_index: int, expected: str, tmp_path: Path) -> None:
    pair = Pair(tmp_path, log(5), VOTED, log(9, 7, 4), Stable(4, None, None))
    journal = note(pair)._replace(copied=Promise(*VOTED))
    assert related(pair, journal, snapshot_index) == expected


def test_a_raft_db_that_went_on_and_was_compacted_covers_the_part_that_was_copied(tmp_path: Path) -> None:
    """Killed before its switch; the log had a hole, so the copy is not what was converted."""
    pair = Pair(tmp_path, log(9, 7, 4), Stable(4, None, None), log(5, 4), VOTED)
    copied = covers.promise(pair.wal)
    journal = Journal("open", "wal", "1", None, copied._replace(first_index=1), copied, 3)
    assert related(pair, journal) == covers.RAFT_DB_COVERS


@pytest.mark.parametrize(("term", "expected"), [(3, covers.NEITHER), (4, covers.WAL_COVERS)])
def test_only_a_newer_leader_may_have_cut_off_what_was_copied(term: int, expected: str, tmp_path: Path) -> None:
    pair = Pair(tmp_path, log(5), VOTED, log(4, 4, term), Stable(4, None, None))
    assert related(pair, note(pair)) == expected


@pytest.mark.parametrize(("snapshot_index", "expected"), [(5, covers.WAL_COVERS), (4, covers.NEITHER)])
def test_a_wal_that_raft_has_emptied_for_a_snapshot_covers_what_that_covers(
    snapshot_index: int, expected: str, tmp_path: Path
) -> None:
    """Killed before it had closed its journal; the server has gone on, and its leader has sent it a snapshot."""
    pair = Pair(tmp_path, log(5), VOTED, [], Stable(4, None, None))
    assert related(pair, note(pair), snapshot_index) == expected


@pytest.mark.parametrize("backend", ["wal", "boltdb"])
def test_an_old_raft_db_never_covers_what_a_newer_leader_has_put_in_its_place(backend: str, tmp_path: Path) -> None:
    """Row 7, killed after it had opened its journal, which has wal/ as what is there beside the source."""
    term = Stable(4, None, None)
    pair = Pair(tmp_path, log(5), term, log(3) + log(4, 4, 4), term)
    journal = Journal("open", backend, "1", None, covers.promise(pair.bolt), covers.promise(pair.wal))
    assert related(pair, journal) == covers.WAL_COVERS


def test_a_promise_has_the_hash_of_the_last_entry(tmp_path: Path) -> None:
    pair = Pair(tmp_path, log(5), VOTED, log(5), VOTED)
    one, other = covers.promise(pair.bolt), covers.promise(pair.wal)
    assert one == other and len(one.last_entry_sha256) == 64 and (one.first_index, one.last_index) == (1, 5)
    assert not one.is_empty and Promise().is_empty and not Promise(1).is_empty
    pair.close()
