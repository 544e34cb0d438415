# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Raft store in a bbolt file, as hashicorp/raft-boltdb v2 keeps it (raft.db). Reads only; knows no entry encoding.

    bucket  key                 value
    logs    index, 8 bytes      the entry, as msgpack (entry.py)
    conf    "CurrentTerm"       term, 8 bytes
            "LastVoteTerm"      term, 8 bytes; absent on a server that never voted
            "LastVoteCand"      address of the candidate, raw bytes; absent likewise

Numbers are big-endian: the order of the keys is the order of the indexes (raft-boltdb v2 bolt_store.go,
util.go). The WAL's stable numbers are little-endian: the two must never be copied as bytes.

Example: the key `0000000000000005` and a value that starts with `86aa417070656e6465644174` are entry 5 in msgpack.

Opening looks at the whole tree of `logs` once (survey.py), so what the attributes say is exact.
"""

from __future__ import annotations

import struct
from typing import Iterator, List, Optional, Sequence

from ..._disk.errors import RESTORE, Corrupt, Unsupported
from ..base import store
from ..base.store import (
    CURRENT_TERM,
    LAST_VOTE_CANDIDATE,
    LAST_VOTE_TERM,
    STABLE_KEYS,
    Entries,
    Extent,
    OpenedStore,
    Stable,
)
from ..bbolt.reader import Bucket, Database, Item
from .log import LogBucket
from .survey import survey

LOGS, CONF = b"logs", b"conf"
NUMBER = struct.Struct(">Q")
# bbolt's db.go writes it into a new file; the next transaction makes both buckets. Without one, a server was killed in
# its first moments and nothing was ever stored.
NEW_FILE_TXID = 1
_DO_NOT_CONVERT = "Find out what wrote it; this version converts Nomad's Raft stores only."


class BoltStore(OpenedStore):
    """The store in the file open on `fd`, which stays the caller's. Raises StoreError for all that is not understood.

    An extent has about 2 MiB. As many processes as there are `workers` look for the entries of a large log. `notes`
    holds what is unusual but not wrong, as sentences; `page_size` is the file's, in bytes.
    """

    encoding = store.MSGPACK

    def __init__(self, fd: int, path: str, workers: int = 1) -> None:
        self.path = path
        try:
            self._open(fd, workers)
            return
        except (Corrupt, Unsupported):
            if workers <= 1:
                raise
        self._open(fd, 1)  # about the same damage a single process always says the same

    def _open(self, fd: int, workers: int) -> None:
        path = self.path
        database = Database(fd, path)
        self.page_size = database.page_size
        self.notes = database.notes
        stable = Stable()
        self._log: Optional[LogBucket] = None
        extents: List[Extent] = []
        buckets = database.buckets()
        if not buckets and database.meta.txid > NEW_FILE_TXID:
            what = f"the root bucket is empty, although {database.meta.txid} transactions were made"
            raise Corrupt(what, path, database.meta.root_id * self.page_size, RESTORE)
        if buckets:
            if sorted(buckets) != [CONF, LOGS]:
                what = f"this bbolt file has the buckets {sorted(buckets)}, a Raft store has {[CONF, LOGS]}"
                raise Unsupported(what, path, database.meta.root_id * self.page_size, _DO_NOT_CONVERT)
            stable = self._read_stable(database, buckets[CONF])
            self._log = LogBucket(database, buckets[LOGS])
            extents = survey(self._log, workers)
        database.check_all_taken()
        self._opened(extents, stable)

    def batches(self, extents: Sequence[Extent]) -> Iterator[Entries]:
        """The entries of these extents, in batches of about two megabytes or one entry. Raises Corrupt."""
        return self._log.batches(extents) if self._log else iter(())

    def _read_stable(self, database: Database, conf: Bucket) -> Stable:
        items = {item.key: item for item in database.items(conf)}
        unknown = sorted(set(items) - set(STABLE_KEYS))
        if unknown:
            item = items[unknown[0]]
            raise Unsupported(
                f"unknown key {item.key!r} in the bucket conf", self.path, item.value_off, _DO_NOT_CONVERT
            )
        candidate = items.get(LAST_VOTE_CANDIDATE)
        return Stable(
            self._number(items.get(CURRENT_TERM)),
            self._number(items.get(LAST_VOTE_TERM)),
            None if candidate is None else candidate.value,
        )

    def _number(self, item: Optional[Item]) -> Optional[int]:
        if item is None:
            return None
        if len(item.value) != NUMBER.size:
            what = f"{item.key.decode()} has {len(item.value)} bytes, wanted {NUMBER.size}"
            raise Corrupt(what, self.path, item.value_off, RESTORE)
        (number,) = NUMBER.unpack(item.value)
        return int(number)
