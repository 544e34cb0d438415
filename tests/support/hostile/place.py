# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Raft directory for damaged stores, what is read from it, and what is seen of it from outside."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import SystemCalls
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.outcome import stable_values
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.raftdir import StoreFile
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import convert
from support.hostile.corpus import META
from support.hostile.damage import Damaged
from support.stores.builder import lonely_proc, walk, write_guard

HEAD_LEN = 1 << 17  # no file here is longer than this, but for a hole at its end


class NoSync(SystemCalls):
    """The real calls without fsync: nothing here is about the disk."""

    def fsync(self, fd: int) -> None:
        return


class Place:
    """A Raft directory with a damaged store in it, made again and again: only what differs is written anew."""

    def __init__(self, where: Path) -> None:
        self.raft, self.proc = where / "raft", lonely_proc(where)
        self.raft.mkdir()
        self._lying: dict[str, tuple[bytes, int]] = {}

    def put(self, damaged: Damaged) -> None:
        """Leave the files of this store there, and no others."""
        wanted = {name: (data, damaged.longer.get(name, 0)) for name, data in damaged.files.items()}
        guard = self.raft / "raft.db"
        if guard.is_symlink() and META not in wanted:
            guard.unlink()
        for name in self._lying.keys() - wanted.keys():
            (self.raft / name).unlink()
        for name in [name for name in wanted if self._lying.get(name) != wanted[name]]:
            path, (data, length) = self.raft / name, wanted[name]
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_bytes(data)
            path.chmod(0o600)
            os.truncate(path, max(len(data), length))
        if META in wanted and not guard.is_symlink():
            write_guard(self.raft)
        elif META not in wanted and (self.raft / "wal").exists():
            (self.raft / "wal").rmdir()
        self._lying = wanted

    def empty(self) -> None:
        """Forget all: something else has been at work here."""
        for path in self.raft.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        self._lying = {}


def read(place: Place, name: str) -> tuple[str, Any]:
    """(digest, stable values) of the store whose file this is, every entry read and decoded. Raises StoreError."""
    raft = Directory.open(str(place.raft))
    directory = raft.subdirectory("wal") if name == META else raft
    try:
        file = StoreFile(directory, Path(name).name, change=False)
        try:
            store = file.read_wal() if name == META else file.read_boltdb()
            return convert.digest(store), stable_values(store.stable())
        finally:
            file.close()
    finally:
        raft.close()
        directory.close()


def names_and_heads(raft: Path) -> dict[str, object]:
    """All names, with their kind, owner and size, and the content of files as far as they were written."""
    found = {}
    for path in walk(raft):
        status = path.lstat()
        head = b""
        if stat.S_ISREG(status.st_mode):
            with open(path, "rb") as file:
                head = file.read(HEAD_LEN)
        about = (status.st_mode, status.st_uid, status.st_nlink, status.st_size, hash(head))
        found[str(path.relative_to(raft))] = about
    return found
