# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the new store under a partial name, and compare every entry of it with the old one before it may count.

Both directions are one function. What differs is a `Way`: where the new store is made, by which writer, and which file
of it is locked and read back.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import Callable, ContextManager, Iterator, NamedTuple

from ..._disk.durable import Directory
from ..._disk.errors import UNTOUCHED, InUse, StoreError
from ..base.names import RAFT_DB_PARTIAL, WAL_META, WAL_PARTIAL
from ..base.store import StoreReader, StoreWriter
from ..boltdb.writer import BoltStoreWriter
from ..directory.raftdir import StoreFile
from ..entries import convert
from ..wal.writer import NS_PER_S, WalStoreWriter
from .run import Run
from .space import MIB


class Way(NamedTuple):
    """One direction: the directory that the writer works in, the writer, the file there that is locked, its reader."""

    directory: Callable[[Run], Directory]
    writer: Callable[[Run, Directory], ContextManager[StoreWriter]]
    file: str
    read: Callable[[StoreFile, int], StoreReader]


def build(run: Run, way: Way) -> None:
    """Make the partial store complete and synced, lock it, and read all of it back.

    Raises InUse if somebody else has locked it by then, Corrupt if it differs, and what reading and writing raise.
    """
    source = run.source_store
    if source is None:
        raise StoreError("the source store is not open", run.raft.path)
    extents, workers = run.shape.kept, run.workers()
    started_s = time.monotonic()
    directory = way.directory(run)
    with way.writer(run, directory) as writer:
        report = convert.convert(source, writer, extents, source.stable(), workers, run.request.progress)
    built_s = time.monotonic()
    run.new_file = StoreFile(directory, way.file, change=True)
    if not run.new_file.free:
        raise InUse("another process has locked the new store before it was published", run.new_file.path)
    with _what_was_just_written(run.raft):
        run.new_store = way.read(run.new_file, workers)
        run.outcome.verified = convert.verify(source, run.new_store, extents, workers, run.request.progress)
    run.outcome.bytes_read, run.outcome.bytes_written = report.bytes_read, report.bytes_written
    run.outcome.elapsed.update(convert=round(built_s - started_s, 3), verify=round(time.monotonic() - built_s, 3))


@contextmanager
def _what_was_just_written(raft: Directory) -> Iterator[None]:
    """Whatever is wrong with the new store says nothing against the old one: nobody has to give that up."""
    try:
        yield
    except StoreError as error:
        if error.path.startswith((raft.path_of(WAL_PARTIAL), raft.path_of(RAFT_DB_PARTIAL))):
            error.hint = UNTOUCHED
        raise


def _make_directory(run: Run) -> Directory:
    run.new_directory = run.raft.make_directory(WAL_PARTIAL, run.attributes().for_directory())
    return run.new_directory


@contextmanager
def _wal_writer(run: Run, directory: Directory) -> Iterator[StoreWriter]:
    """Segments, then wal-meta.db, then the directory, each synced."""
    segment_len = run.request.wal_segment_size * MIB
    yield WalStoreWriter(
        directory, segment_len, run.attributes(), os.sysconf("SC_PAGE_SIZE"), lambda: int(run.clock() * NS_PER_S)
    )


@contextmanager
def _boltdb_writer(run: Run, directory: Directory) -> Iterator[StoreWriter]:
    """Pages, then metas, each synced."""
    writer = BoltStoreWriter(directory, RAFT_DB_PARTIAL, os.sysconf("SC_PAGE_SIZE"), run.attributes())
    try:
        yield writer
    finally:
        writer.close()


TO_WAL = Way(_make_directory, _wal_writer, WAL_META, lambda file, _workers: file.read_wal())
TO_BOLTDB = Way(lambda run: run.raft, _boltdb_writer, RAFT_DB_PARTIAL, StoreFile.read_boltdb)
