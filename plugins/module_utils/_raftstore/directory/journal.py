# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal `.raft-migrate.json`: what a run began, so that the next one can finish it or start over.

It says which partial files are ours and which backup name was chosen. It is never a reason to open, trust or delete a
store. Example, one line in the file:

    {"version": 1, "phase": "open", "to": "wal", "tool": "1.0.0", "run": "9f31c2ab",
     "backup": "raft.db.migrated.20261122-104750", "source": {"current_term": 9, "last_vote_term": 9,
     "last_vote_candidate": "10.0.0.1:4647", "first_index": 1, "last_index": 663, "last_entry_sha256": "..."},
     "copied": {the same, after dropping}, "dropped_entries": 0, "origin": "controller-1"}

On the way back `copied` is the WAL, of which nothing is dropped, and `source` is the same. But if the WAL covered a
raft.db beside it, `source` is that raft.db, since nothing else may be left to prove that it is covered.

`origin` is who began it, if that was given; older journals have none. `backup` is null if there is none. An
absent stable value is null. The hash is over the digest line of the last entry.
"""

from __future__ import annotations

import json
import os
import stat
from typing import Any, Dict, NamedTuple, Optional, Tuple

from ..._disk.durable import Directory, read_exact
from ..._disk.errors import RESTORE, Refused, Unsupported
from ..._disk.plainjson import loads
from ..._disk.reading import read_head, reading
from ..base.names import BACKUP, JOURNAL, JOURNAL_PARTIAL, SECOND_NAME
from ..base.store import BOLTDB, U64_LIMIT, WAL

VERSION = 1
TOOL = "1.0.0"
MAX_LEN = 65536

ABSENT = "-"
OPEN = "open"
DONE = "done"
NOT_OURS = "not ours"
UNKNOWN = "unknown"


class Promise(NamedTuple):
    """What a store could have promised to other servers. Indexes are 0 and the hash "" if it has no entries."""

    current_term: Optional[int] = None
    last_vote_term: Optional[int] = None
    last_vote_candidate: Optional[bytes] = None
    first_index: int = 0
    last_index: int = 0
    last_entry_sha256: str = ""

    @property
    def is_empty(self) -> bool:
        """No entries and no term: what Nomad creates by mistake."""
        return not self.last_index and not self.current_term


class Journal(NamedTuple):
    """One conversion. `phase` is OPEN or DONE, `to` the wanted backend."""

    phase: str
    to: str
    run: str
    backup: Optional[str]
    source: Promise
    copied: Promise
    dropped_entries: int = 0
    origin: str = ""


def parse(data: bytes, path: str) -> Journal:
    """The journal in these bytes. Raises Unsupported for anything this version does not write."""
    try:
        values = loads(data)
        if not isinstance(values, dict) or values.get("version") != VERSION:
            raise ValueError("it is not of version 1")
        journal = Journal(
            _one_of(values["phase"], (OPEN, DONE)),
            _one_of(values["to"], (WAL, BOLTDB)),
            _typed(values["run"], str),
            _backup(values["backup"]),
            _parse_promise(values["source"]),
            _parse_promise(values["copied"]),
            _number(values["dropped_entries"]),
            _typed(values.get("origin", ""), str),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Unsupported(
            f"this journal was not written by this version of the collection ({error})",
            path,
            hint="Finish with the version that wrote it, or move the file away if no conversion was begun.",
        ) from error
    return journal


def render(journal: Journal) -> bytes:
    """The bytes of a journal: one line of JSON."""
    values: Dict[str, Any] = {"version": VERSION, "phase": journal.phase, "to": journal.to, "tool": TOOL}
    values.update(run=journal.run, backup=journal.backup, source=_promise_values(journal.source))
    values.update(copied=_promise_values(journal.copied), dropped_entries=journal.dropped_entries)
    values.update(origin=journal.origin)
    return (json.dumps(values) + "\n").encode("ascii")


def load(directory: Directory, uid: int) -> Tuple[str, Optional[Journal], Optional[Unsupported]]:
    """(ABSENT | NOT_OURS | UNKNOWN | OPEN | DONE, the journal if it could be read, the error if it could not)."""
    status = directory.stat(JOURNAL)
    if status is None:
        return ABSENT, None, None
    path = directory.path_of(JOURNAL)
    if not stat.S_ISREG(status.st_mode):
        odd = Unsupported("this is not a regular file", path, hint="Find out what put it there and move it away.")
        return (UNKNOWN if status.st_uid in (0, uid) else NOT_OURS), None, odd
    try:
        with reading(directory, JOURNAL) as fd:
            opened = os.fstat(fd)
            if opened.st_uid not in (0, uid):
                return NOT_OURS, None, None
            if opened.st_size > MAX_LEN:
                return UNKNOWN, None, Unsupported("the journal is too long", path, hint="Move the file away.")
            journal = parse(read_exact(fd, opened.st_size, 0, path), path)
    except Unsupported as error:
        return UNKNOWN, None, error
    return journal.phase, journal, None


def read_raw(directory: Directory) -> bytes:
    """The journal's bytes as they are. Raises StoreError when it cannot be read."""
    return read_head(directory, JOURNAL, MAX_LEN)


def write(directory: Directory, content: bytes) -> None:
    """Replace the journal as a whole, durably; mode 0600, owned by the user of this process.

    Raises Refused for one that `load` would not accept: a vote for an address of many thousand bytes makes it too long.
    """
    if len(content) > MAX_LEN:
        what = (
            f"the journal would have {len(content)} bytes: no server's address is as long as the one in the last vote"
        )
        raise Refused(what, directory.path_of(JOURNAL), hint=f"Nomad writes no such vote. {RESTORE}")
    directory.replace_file(JOURNAL, JOURNAL_PARTIAL, content)


def _promise_values(promise: Promise) -> Dict[str, Any]:
    values: Dict[str, Any] = dict(promise._asdict())
    if promise.last_vote_candidate is not None:
        values["last_vote_candidate"] = promise.last_vote_candidate.decode("utf-8", "surrogateescape")
    return values


def _parse_promise(values: Dict[str, Any]) -> Promise:
    candidate = values["last_vote_candidate"]
    return Promise(
        _optional_number(values["current_term"]),
        _optional_number(values["last_vote_term"]),
        None if candidate is None else _typed(candidate, str).encode("utf-8", "surrogateescape"),
        _number(values["first_index"]),
        _number(values["last_index"]),
        _typed(values["last_entry_sha256"], str),
    )


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not of the expected type")
    return value


def _number(value: Any) -> int:
    number: int = _typed(value, int)
    if not 0 <= number < U64_LIMIT:
        raise ValueError(f"{number} is out of range")
    return number


def _optional_number(value: Any) -> Optional[int]:
    return None if value is None else _number(value)


def _one_of(value: Any, known: Tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"{value!r} is unknown")
    return str(value)


def _backup(value: Any) -> Optional[str]:
    if value is not None and not any(pattern.match(_typed(value, str)) for pattern in (BACKUP, SECOND_NAME)):
        raise ValueError(f"{value!r} is not the name of a backup")
    return value  # type: ignore[no-any-return]
