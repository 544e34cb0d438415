# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""WAL directories opened by the collection's own reader, for tests that look at many; close_all() ends each test."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import List, Tuple

from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Stable, records_of
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.reader import WalStore
from support.stores import ours

Record = Tuple[int, bytes]
VOTED = Stable(3, 3, b"10.0.0.1:4647")
_OPEN = ExitStack()  # of the running test


def close_all() -> None:
    """Close all that the functions below have opened."""
    _OPEN.close()


def opened(path: Path) -> Directory:
    directory = Directory.open(str(path))
    _OPEN.callback(directory.close)
    return directory


def open_wal(path: Path) -> WalStore:
    store = _OPEN.enter_context(ours.opened(path))
    assert isinstance(store, WalStore)
    return store


def content(store: WalStore) -> List[Record]:
    return list(records_of(store, store.extents()))


def content_of(path: Path) -> List[Record]:
    """The same, and everything is closed again: for tests that do this often."""
    try:
        return content(open_wal(path))
    finally:
        close_all()
