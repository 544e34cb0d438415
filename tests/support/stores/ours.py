# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's own readers and converter, brought into the judge's words so that both can be compared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import StoreReader
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.reader import BoltStore
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.outcome import stable_values
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.request import no_progress
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory import shape
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import convert
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.reader import WalStore
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.writer import WalStoreWriter
from support.stores.judge import Content


@contextmanager
def opened(path: Path) -> Iterator[StoreReader]:
    """Our reader of a raft.db or a wal/."""
    if path.is_dir():
        directory = Directory.open(str(path))
        meta_fd = directory.open_read("wal-meta.db")
        try:
            yield WalStore(directory, meta_fd)
        finally:
            os.close(meta_fd)
            directory.close()
    else:
        fd = os.open(path, os.O_RDONLY)
        try:
            yield BoltStore(fd, str(path))
        finally:
            os.close(fd)


class Opener:
    """Opens stores one after the other, for tests that look at several at once; all are closed with it."""

    def __init__(self) -> None:
        self._open = ExitStack()

    def __call__(self, path: Path) -> Any:
        return self._open.enter_context(opened(path))

    def close(self) -> None:
        self._open.close()


def new_wal(path: Path, segment_len: int = 1 << 20) -> WalStoreWriter:
    """A writer of a WAL in a new directory."""
    path.mkdir()
    return WalStoreWriter(Directory.open(str(path)), segment_len)


def digest(path: Path) -> Content:
    with opened(path) as store:
        first, last, count = store.first_index, store.last_index, store.entry_count
        return Content(convert.digest(store), first, last, count, stable_values(store.stable()))


def holes(path: Path) -> list[list[int]]:
    with opened(path) as store:
        return [list(hole) for hole in shape.holes(store.extents())]


def convert_tail(source: Path, wal: Path, segment_len: int, workers: int = 1) -> int:
    """Convert what follows the last hole of a store, as for a snapshot just below it; the number verified."""
    wal.mkdir()
    directory = Directory.open(str(wal))
    try:
        with opened(source) as store:
            missing = shape.holes(store.extents())
            tail = [extent for extent in store.extents() if not missing or extent.first_index > missing[-1][1]]
            target = WalStoreWriter(directory, segment_len)
            convert.convert(store, target, tail, store.stable(), workers, no_progress)
            with opened(wal) as made:
                return convert.verify(store, made, tail, workers, no_progress)
    finally:
        directory.close()
