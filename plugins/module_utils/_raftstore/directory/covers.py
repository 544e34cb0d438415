# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one question when there are two stores: does A cover B, with everything that B could have promised to anybody?

Yes, if both are true:
  vote  A's current term is higher; or it is equal, and B did not vote in it or A has the same vote;
  log   B has no entries; or A has an entry at B's last index that is equal in every field (by Raft's log matching all
        entries before it are then equal); or B is what the journal says was converted, or the copy of it, unchanged
        since, and A goes as far as what was copied, or has newer entries: by Raft, what a newer leader has cut off was
        promised to nobody. If A has another entry in B's last place, that one must be newer; else A is the older. If A
        ends before, a snapshot may cover B's log instead: nothing was copied because of it, or Raft has emptied A's log
        when it installed it. On the way back what was converted is wal/, or a raft.db that wal/ covered.
Equal term and index alone are not enough: a server that once started empty and bootstrapped a new cluster repeats both.
Clocks, modification times and file digests play no part.
"""

from __future__ import annotations

import hashlib
from itertools import zip_longest
from typing import Callable, Iterator, Optional, Tuple

from ..._disk.errors import located
from ..base.store import Stable, StoreReader, records_of
from ..entries.entry import Entry, decode, digest_line
from .journal import Journal, Promise

EQUAL = "equal"
RAFT_DB_COVERS = "raft.db covers wal/"
WAL_COVERS = "wal/ covers raft.db"
NEITHER = "neither"


def lines(store: StoreReader) -> Iterator[bytes]:
    """The digest line of every entry, in order, through the strict decoder of the store's encoding."""
    with located(store.path):
        for index, raw in records_of(store, store.extents()):
            yield digest_line(decode(store.encoding, index, raw))


def entry_at(store: StoreReader, index: int) -> Optional[Entry]:
    """One entry, or None if the store does not have it.

    Reads at most one extent, in full: only then have its checksums been compared.
    """
    for extent in store.extents():
        if extent.first_index <= index <= extent.last_index:
            found = [raw for at, raw in records_of(store, [extent]) if at == index]
            with located(store.path):
                return decode(store.encoding, index, found[0]) if found else None
    return None


def last_entry(store: StoreReader) -> Optional[Entry]:
    """The last entry; None without entries."""
    return entry_at(store, store.last_index) if store.entry_count else None


def promise(store: StoreReader) -> Promise:
    """Everything that this store could have promised."""
    stable = store.stable()
    last = last_entry(store)
    last_sha256 = "" if last is None else hashlib.sha256(digest_line(last)).hexdigest()
    return Promise(*stable, store.first_index, store.last_index, last_sha256)


def equal(a: StoreReader, b: StoreReader) -> bool:
    """Whether all stable values and all entries are equal: a full comparison through both decoders."""
    if _counts(a) != _counts(b) or _present(a.stable()) != _present(b.stable()):
        return False
    return all(line_a == line_b for line_a, line_b in zip_longest(lines(a), lines(b)))


def covers(a: StoreReader, b: StoreReader, journal: Optional[Journal], snapshot_index: Callable[[], int]) -> bool:
    """Whether A covers B. `snapshot_index`: last index of the newest snapshot that Raft would open, read in full."""
    return _covers_vote(a.stable(), b.stable()) and _covers_log(a, b, journal, snapshot_index)


def relation(
    raft_db: StoreReader, wal: StoreReader, journal: Optional[Journal], snapshot_index: Callable[[], int]
) -> str:
    """EQUAL, RAFT_DB_COVERS, WAL_COVERS or NEITHER, tested in this order."""
    if equal(raft_db, wal):
        return EQUAL
    if covers(raft_db, wal, journal, snapshot_index):
        return RAFT_DB_COVERS
    return WAL_COVERS if covers(wal, raft_db, journal, snapshot_index) else NEITHER


def _covers_vote(a: Stable, b: Stable) -> bool:
    term_a, term_b = a.current_term or 0, b.current_term or 0
    if term_a != term_b:
        return term_a > term_b
    voted = term_b != 0 and b.last_vote_term == term_b
    return not voted or (a.last_vote_term, a.last_vote_candidate) == (b.last_vote_term, b.last_vote_candidate)


def _covers_log(a: StoreReader, b: StoreReader, journal: Optional[Journal], snapshot_index: Callable[[], int]) -> bool:
    if not b.entry_count:
        return True
    last, same = last_entry(b), entry_at(a, b.last_index)
    if last is not None and same is not None and digest_line(last) == digest_line(same):
        return True
    if journal is None or promise(b) not in (journal.source, journal.copied):
        return False
    if same is not None:  # another entry in its place: only a newer leader can have put it there, else A is the older
        return _is_newer(same, last)
    if journal.copied.last_index and (a.last_index >= journal.copied.last_index or _is_newer(last_entry(a), last)):
        return True
    return snapshot_index() >= b.last_index


def _is_newer(entry: Optional[Entry], other: Optional[Entry]) -> bool:
    return entry is not None and other is not None and entry.term > other.term


def _counts(store: StoreReader) -> Tuple[int, int, int]:
    return store.first_index, store.last_index, store.entry_count


def _present(stable: Stable) -> Stable:
    """The values as Raft reads them if a key is absent: a WAL cannot tell an absent term from 0."""
    return Stable(stable.current_term or 0, stable.last_vote_term or 0, stable.last_vote_candidate or b"")
