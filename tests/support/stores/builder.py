# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raft directories for tests: those that Nomad 2.0.5 wrote, and small ones made to order."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore import migrate
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import (
    Batch,
    Extent,
    Part,
    Record,
    Stable,
    records_of,
)
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt.writer import DatabaseWriter
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.reader import BoltStore
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.crc64 import crc64
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.journal import Journal, Promise, render
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import entry
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.entry import Entry
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries.gotime import GoTime
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.reader import WalStore
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.writer import WalStoreWriter
from support.recordings import STORE_NAMES, store_facts, unpack_store

NAMES = STORE_NAMES
VOTED = Stable(3, 3, b"10.0.0.1:4647")
NO_PROMISE = Promise()
NOW = 1795344470.0  # 2026-11-22 10:47:50 UTC
STAMP = "20261122-104750"
BACKUP = f"raft.db.migrated.{STAMP}"


def nomad_store(name: str, data_dir: Path) -> Path:
    """Unpack a store that Nomad wrote as DATA_DIR/server/raft; returns that directory."""
    (data_dir / "server").mkdir(parents=True)
    return unpack_store(name, data_dir / "server")


def truth(name: str) -> Dict[str, object]:
    """What HashiCorp's libraries said about that store."""
    values: Dict[str, object] = store_facts(name)["oracle"]
    return values


def raft_directory(data_dir: Path) -> Path:
    """An empty Raft directory below a new data_dir."""
    raft = data_dir / "server/raft"
    raft.mkdir(parents=True)
    return raft


def log(last: int, first: int = 1, term: int = 3, note: str = "") -> List[Entry]:
    """Entries first..last; equal arguments give equal entries."""
    return [
        Entry(index, term, 0, f"entry {index} of term {term} {note}".encode() * 3, b"", GoTime(index * 1000, 5))
        for index in range(first, last + 1)
    ]


def write_boltdb(path: Path, entries: Sequence[Entry], stable: Stable = VOTED) -> None:
    """A raft.db of mode 0600 with these entries, which may have holes."""
    directory = Directory.open(str(path.parent))
    new = directory.create(path.name)
    try:
        writer = DatabaseWriter(new, 4096)
        writer.put_sorted(b"conf", _stable_items(stable))
        writer.put_sorted(b"logs", [(item.index.to_bytes(8, "big"), entry.encode_msgpack(item)) for item in entries])
        writer.finish()
    finally:
        new.close()
        directory.close()


def _stable_items(stable: Stable) -> List[Tuple[bytes, bytes]]:
    items: List[Tuple[bytes, bytes]] = []
    if stable.current_term is not None:
        items.append((b"CurrentTerm", stable.current_term.to_bytes(8, "big")))
    if stable.last_vote_candidate is not None:
        items.append((b"LastVoteCand", stable.last_vote_candidate))
    if stable.last_vote_term is not None:
        items.append((b"LastVoteTerm", stable.last_vote_term.to_bytes(8, "big")))
    return items


def batch_of(records: Sequence[Record]) -> Batch:
    """Consecutive records as one batch."""
    return Batch(records[0][0], [raw for _index, raw in records])


def write_wal(path: Path, entries: Sequence[Entry], stable: Stable = VOTED) -> None:
    """A WAL of one sealed segment and an empty tail, mode 0700."""
    path.mkdir(mode=0o700)
    directory = Directory.open(str(path))
    try:
        writer = WalStoreWriter(directory, 1 << 20, clock=lambda: int(NOW) * 10**9 + 123_456_789)
        results = []
        if entries:
            records = [(item.index, entry.encode_binary(item)) for item in entries]
            extent = Extent(entries[0].index, len(entries), sum(len(raw) for _index, raw in records), None)
            part = Part(0, entries[0].index, len(entries), [extent])
            results.append(writer.write_part(part, iter([batch_of(records)])))
        writer.seal(results, stable)
    finally:
        directory.close()


def write_snapshot(raft: Path, index: int, term: int = 3, state: bytes = b"state", crc: Optional[int] = None) -> Path:
    """A Raft snapshot as FileSnapshotStore writes it; with `crc` its checksum is that, true or not."""
    name = f"{term}-{index}-1795344470000"
    directory = raft / "snapshots" / name
    directory.mkdir(parents=True)
    checksum = (crc64(state) if crc is None else crc).to_bytes(8, "big")
    meta = {"Version": 1, "ID": name, "Index": index, "Term": term, "Size": len(state)}
    meta["CRC"] = base64.b64encode(checksum).decode()
    (directory / "meta.json").write_text(json.dumps(meta) + "\n")
    (directory / "state.bin").write_bytes(state)
    return directory


def write_journal(raft: Path, phase: str = "open", to: str = "wal", backup: Optional[str] = BACKUP,
                  source: Promise = NO_PROMISE, copied: Promise = NO_PROMISE) -> None:  # fmt: skip
    """A journal of ours."""
    path = raft / ".raft-migrate.json"
    path.write_bytes(render(Journal(phase, to, "9f31c2ab", backup, source, copied, 0, "elsewhere")))
    path.chmod(0o600)


def write_guard(raft: Path, backup: str = BACKUP) -> None:
    """The guard link."""
    (raft / "raft.db").symlink_to(f"this-server-is-on-wal/see-{backup}")


def entries_of(path: Path) -> List[str]:
    """The digest lines of the store at this path, a raft.db or a wal/ directory."""
    inner = Directory.open(str(path if path.is_dir() else path.parent))
    fd = inner.open_read("wal-meta.db" if path.is_dir() else path.name)
    try:
        reader = WalStore(inner, fd) if path.is_dir() else BoltStore(fd, str(path))
        lines = [
            entry.digest_line(entry.decode(reader.encoding, index, raw)).decode()
            for index, raw in records_of(reader, reader.extents())
        ]
        return [*lines, str(reader.stable())]
    finally:
        os.close(fd)
        inner.close()


def listing(root: Path) -> Dict[str, Tuple[object, ...]]:
    """Everything below a directory: kind, mode, owner, links, modification time of files, content or link target."""
    return {str(path.relative_to(root)): _look(path) for path in sorted(walk(root))}


def walk(root: Path) -> Iterator[Path]:
    """All paths below a directory, links not followed."""
    for name in os.listdir(root):
        path = root / name
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from walk(path)


def _look(path: Path) -> Tuple[object, ...]:
    status = path.lstat()
    common = (stat.filemode(status.st_mode), status.st_uid, status.st_gid, status.st_nlink)
    if path.is_symlink():
        return (*common, os.readlink(path))
    if stat.S_ISREG(status.st_mode):
        return (*common, status.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
    return common


def nomad_start(raft: Path, backend: str) -> str:
    """What Nomad 2.0.5 does at its start, as seen: the store it opens, `refuses`, or `EMPTY` for a new, empty one."""
    raft_db = raft / "raft.db"
    if backend == "wal":
        if raft_db.exists():  # stat follows links: the guard dangles
            return "refuses"
        return "wal" if (raft / "wal").exists() else "EMPTY"
    if raft_db.exists():
        return "raft.db"
    return "refuses" if raft_db.is_symlink() else "EMPTY"


def request(raft: Path, **options: object) -> migrate.Request:
    """A request for this Raft directory, with one worker, so that every change goes through the seam of the test."""
    values: Dict[str, object] = {"data_dir": str(raft), "workers": 1, "wal_segment_size": 1, "lock_timeout_s": 0.0}
    return migrate.Request(**{**values, **options})  # type: ignore[arg-type]


def as_user(uid: int, action: Callable[[], str]) -> str:
    """What the action returns in a child process of this user, or `Kind: message` of the error it raises."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            text = action()
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(child, 0)
    return text


def lonely_proc(where: Path) -> str:
    """A /proc in which there are no other processes: the scan for them is most of the time of a small conversion."""
    proc = where / "proc"
    if not proc.exists():
        proc.mkdir(parents=True)
        (proc / "self").symlink_to("/proc/self")
    return str(proc)


def clock() -> float:
    """A clock that stands still."""
    return NOW
