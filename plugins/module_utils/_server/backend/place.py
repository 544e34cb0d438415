# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a transaction is found by those that come later: a directory of its own below /run for each Raft directory.

It has the lock that the transaction holds for its whole life, a note of who is at work, the progress, the answer, a
marker until that has arrived where it was asked for, and how the configuration becomes again what it was. No secret is
in any of them. Nobody but the user of the module can get at it: owner and mode of each directory are checked, and no
link is followed.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from typing import Any, Dict, List, Optional, Tuple

from ..._disk.durable import Directory, lock_exclusive, read_exact
from ..._disk.errors import InUse, Refused, WriteFailed
from ..._disk.plainjson import loads
from ..._disk.syscalls import REAL
from ..._raftstore.directory.raftdir import locate
from ..._roll.host.transaction import Note
from .undo import Record

RUN = "/run"
NAME = "raftops.nomad"
LOCK, NOTE, PROGRESS, ANSWER, UNDO = "lock", "note", "progress", "answer", "undo"
UNTOLD = "untold-"
MAX_LEN = 8 << 20
WAITERS_S = 0.5  # whoever waits for a transaction to end tries its lock for a moment, again and again
TRY_S = 0.02


class Place:
    """The directory of one server's transactions. Only who holds the lock may write."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._lock_fd = -1

    @classmethod
    def of(cls, data_dir: str, base: str = "") -> Place:
        """The place for this data_dir, made if need be. Raises Refused where it is not ours alone."""
        name = _name(data_dir)
        parent, own = (base, NAME) if base else _base()
        outer = Directory.open(parent)
        try:
            middle = _private(outer, own)
            try:
                return cls(_private(middle, name))
            finally:
                middle.close()
        finally:
            outer.close()

    @classmethod
    def found(cls, data_dir: str, base: str = "") -> Optional[Place]:
        """The same if it is there, else None. Makes nothing."""
        there = os.path.join(*((base, NAME) if base else _base()), _name(data_dir), LOCK)
        return cls.of(data_dir, base) if os.path.lexists(there) else None

    def path_of(self, name: str) -> str:
        """The path of one of its files."""
        return self._directory.path_of(name)

    def take(self, patience_s: float = WAITERS_S) -> bool:
        """Have the lock; False when a transaction is at work. Raises Refused."""
        deadline = time.monotonic() + patience_s
        while self._lock_fd < 0 and not self._try(shared=False):
            if time.monotonic() >= deadline:
                return False
            time.sleep(TRY_S)
        return True

    def is_at_work(self) -> bool:
        """Whether somebody holds the lock, which here is a transaction."""
        if not self._try(shared=True):
            return True
        self.leave()
        return False

    def leave(self) -> None:
        """Give up the lock, as far as this process has it. A forked process that has it too goes on having it."""
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def _try(self, shared: bool) -> bool:
        if self._directory.stat(LOCK) is None:
            try:
                self._directory.create(LOCK).close()
            except WriteFailed:
                if self._directory.stat(LOCK) is None:
                    raise
        fd = self._directory.open_read_write(LOCK)
        try:
            lock_exclusive(fd, self.path_of(LOCK), shared)
        except InUse:
            os.close(fd)
            return False
        self._lock_fd = fd
        return True

    def note(self) -> Optional[Note]:
        """Who is at work, or was last; None when nobody ever was."""
        values = self._read(NOTE)
        try:
            return None if values is None else Note(**values)
        except TypeError:  # of another version of this code
            return None

    def write_note(self, note: Note) -> None:
        """Say who is at work."""
        self._write(NOTE, note._asdict())

    def answer(self, of: Optional[Note]) -> Optional[Dict[str, Any]]:
        """What this transaction has left, None when it has left nothing (yet)."""
        values = self._read(ANSWER)
        return values if values is not None and of is not None and values.get("id") == of.id else None

    def write_answer(self, note: Note, result: Dict[str, Any]) -> None:
        """Leave the answer for whoever asks."""
        self._write(ANSWER, {**result, "id": note.id})

    def keep_untold(self, note: Note) -> None:
        """Mark that nobody has got the answer of this transaction yet. Of the one before it is of no use any more."""
        self.forget(*(name for name in self._directory.names() if name.startswith(UNTOLD)))
        self._directory.create(f"{UNTOLD}{note.id}").close()

    def untold(self, note: Note) -> str:
        """The path of that mark; "" once it has been removed by whoever has got the answer."""
        name = f"{UNTOLD}{note.id}"
        return "" if self._directory.stat(name) is None else self.path_of(name)

    def forget(self, *names: str) -> None:
        """Remove some of its files."""
        for name in names:
            if self._directory.stat(name) is not None:
                self._directory.remove(name)

    def undo(self, backend: str) -> List[Record]:
        """How the configuration becomes again what it was before it was changed to this backend."""
        values = self._read(UNDO) or {}
        return list(values["records"]) if values.get("backend") == backend else []

    def write_undo(self, backend: str, records: List[Record]) -> None:
        """Keep that."""
        self._write(UNDO, {"backend": backend, "records": records})

    def _write(self, name: str, values: Dict[str, Any]) -> None:
        partial = f"{name}.partial"
        self.forget(partial)
        self._directory.replace_file(name, partial, json.dumps(values).encode("ascii"))

    def _read(self, name: str) -> Optional[Dict[str, Any]]:
        if self._directory.stat(name) is None:
            return None
        fd = self._directory.open_read(name)
        try:
            content = read_exact(fd, min(os.fstat(fd).st_size, MAX_LEN), 0, self.path_of(name))
        finally:
            os.close(fd)
        try:
            values = loads(content)
        except ValueError:
            return None
        return values if isinstance(values, dict) else None


def _name(data_dir: str) -> str:
    """The same name for a Raft directory by whatever path it is given."""
    raft = locate(data_dir, REAL)
    try:
        return hashlib.sha256(os.fsencode(os.path.realpath(raft.path))).hexdigest()[:16]
    finally:
        raft.close()


def _base() -> Tuple[str, str]:
    """Where places are: below /run for root; for another user below /tmp, whose sticky bit keeps a name."""
    return (RUN, NAME) if os.geteuid() == 0 else ("/tmp", f"{NAME}-{os.geteuid()}")


def _private(parent: Directory, name: str) -> Directory:
    """A directory that only this user can get into; made if it is not there. Raises Refused for any other."""
    if parent.stat(name) is None:
        try:
            parent.make_directory(name).close()
        except WriteFailed:
            if parent.stat(name) is None:  # else another run has made it just now
                raise
    directory = parent.subdirectory(name)  # a link, or anything else, is refused
    status = os.fstat(directory.fd)
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        directory.close()
        raise Refused(
            f"this directory belongs to user {status.st_uid} and has mode {stat.S_IMODE(status.st_mode):o}",
            parent.path_of(name),
            hint="It must be root's, or yours, and closed to others. Find out who made it, and remove it.",
        )
    return directory
