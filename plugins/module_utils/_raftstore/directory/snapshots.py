# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Raft snapshots beside a store: which ones Raft would open, and whether one is whole. Reads only.

As Raft's FileSnapshotStore (hashicorp/raft file_snapshot.go): `snapshots/ID/meta.json` (JSON; Version 0 or 1, ID,
Index, Term, Size in bytes, CRC = base64 of the CRC-64/ECMA of state.bin, big-endian) and `state.bin`. Directories that
end in .tmp, have no readable meta.json or have another version are passed over. Newest is the highest (Term, Index,
ID); Nomad keeps two, and Raft tries no others.
"""

from __future__ import annotations

import base64
import os
import stat
from contextlib import closing
from typing import Any, List, Mapping, Optional

from ..._disk.datadir import stat_no_link
from ..._disk.durable import Directory, read_exact
from ..._disk.errors import Corrupt, StoreError
from ..._disk.plainjson import loads
from ..._disk.reading import read_head, reading
from ..base.names import SNAPSHOTS
from ..base.store import U64_LIMIT
from .crc64 import crc64
from .evidence import Snapshot

META = "meta.json"
STATE = "state.bin"
RETAINED = 2  # nomad/server.go snapshotsRetained
META_MAX_LEN = 1 << 20  # it has a few hundred bytes, and a hundred more for each server
WINDOW_LEN = 1 << 20


def parse_meta(data: bytes, path: str) -> Snapshot:
    """The snapshot that this meta.json describes. Raises Corrupt if Raft could not use it."""
    try:
        values = loads(data)
        if not isinstance(values["ID"], str):
            raise ValueError("its ID is not text")
        index, term, size, version = (_number(values, name) for name in ("Index", "Term", "Size", "Version"))
        crc = int.from_bytes(base64.b64decode(values["CRC"] or "", validate=True), "big")
        snapshot = Snapshot(values["ID"], index, term, size, crc)
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt(f"the snapshot's metadata cannot be read ({error})", path) from error
    if version not in (0, 1):
        raise Corrupt(f"the snapshot is of version {version}, Raft knows 0 and 1", path)
    return snapshot


def _number(values: Mapping[str, Any], name: str) -> int:
    number = values[name]
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < U64_LIMIT:
        raise ValueError(f"its {name} is not a number")
    return number


def list_snapshots(raft: Directory) -> List[Snapshot]:
    """The snapshots that Raft would try, newest first. Raises Refused when `snapshots` is no plain directory."""
    if stat_no_link(raft, SNAPSHOTS, "Put the real directory here, or mount it.") is None:
        return []
    with closing(raft.subdirectory(SNAPSHOTS)) as directory:
        found = [_read(directory, name) for name in directory.names() if not name.endswith(".tmp")]
    usable = [snapshot for snapshot in found if snapshot is not None]
    usable.sort(key=lambda snapshot: (snapshot.term, snapshot.index, snapshot.id), reverse=True)
    return usable[:RETAINED]


def check(raft: Directory, snapshot: Snapshot) -> None:
    """Read the snapshot's state.bin as a whole. Raises Corrupt when its size or checksum is not what meta.json says."""
    with closing(raft.subdirectory(SNAPSHOTS)) as directory, closing(directory.subdirectory(snapshot.id)) as inner:
        _check_state(inner, snapshot)


def _check_state(directory: Directory, snapshot: Snapshot) -> None:
    path = directory.path_of(STATE)
    with reading(directory, STATE) as fd:
        size = os.fstat(fd).st_size
        if size != snapshot.size:
            raise Corrupt(f"the snapshot has {size} bytes, its metadata says {snapshot.size}", path)
        crc = 0
        for off in range(0, size, WINDOW_LEN):
            crc = crc64(read_exact(fd, min(WINDOW_LEN, size - off), off, path), crc)
    if crc != snapshot.crc:
        raise Corrupt(f"the snapshot's checksum is {crc:016x}, its metadata says {snapshot.crc:016x}", path)


def _read(snapshots: Directory, name: str) -> Optional[Snapshot]:
    """The snapshot of this name; None if Raft would pass it over."""
    status = snapshots.stat(name)
    if status is None or not stat.S_ISDIR(status.st_mode):
        return None
    try:
        with closing(snapshots.subdirectory(name)) as directory:
            snapshot = parse_meta(read_head(directory, META, META_MAX_LEN), directory.path_of(META))
    except StoreError:
        return None
    return snapshot if snapshot.id == name else None  # Raft opens the directory that the metadata names
