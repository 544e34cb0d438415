# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saves a cluster snapshot: streams it into a file of mode 0600, compares its digest, checks its archive.

An archive is gzip over tar with three files (helper/snapshot/archive.go of Nomad): `meta.json` (Raft's metadata),
`state.bin` and `SHA256SUMS` (lines of hex digest, two spaces, name). Nomad answers 200 before the archive is complete,
so the body may be short or broken; only the header `Digest: sha-256=BASE64` proves it whole. The content includes
the cluster's keys: none of it gets into a message. Memory is bounded whatever the archive says.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import os
import stat
import tarfile
import time
import zlib
from contextlib import closing
from typing import IO, Any, Dict, List, NamedTuple, Optional, Tuple

from ..._disk.durable import Directory, NewFile, lock_exclusive
from ..._disk.errors import InUse, Refused, StoreError
from ..._disk.plainjson import loads
from ..._disk.reading import reading
from ..._text.sizes import human
from ..api.client import Client
from ..errors import AgentError
from .waiter import TOLD_EVERY_S, Teller, untold

PARTIAL = ".snapshot.partial"
META, STATE, SUMS = "meta.json", "state.bin", "SHA256SUMS"
MAX_LEN = {META: 1 << 20, SUMS: 4096}
_CHUNK_LEN = 1 << 20


class Archive(NamedTuple):
    """What a sound archive says: Raft's name of the snapshot, where it ends, the size of its state, its servers."""

    snapshot_id: str
    last_index: int
    last_term: int
    state_size: int
    servers: List[str]


class _Bounded:
    """A stream that refuses large reads: tarfile reads an extended header at once, whatever size it claims."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.tell = stream.tell
        self.seek = stream.seek

    def read(self, length: int) -> bytes:
        """Up to `length` bytes."""
        if not 0 <= length <= 2 * _CHUNK_LEN:
            raise ValueError("a header is too large")
        return self._stream.read(length)


def check_archive(stream: IO[bytes]) -> Archive:
    """Check an archive. Raises ValueError, which says what is wrong and never shows content."""
    digests: Dict[str, str] = {}
    texts: Dict[str, bytes] = {}
    state_size = 0
    try:
        with gzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
            bounded: Any = _Bounded(unpacked)  # type: ignore[arg-type]
            with tarfile.open(fileobj=bounded, mode="r:") as archive:
                for member in archive:
                    if member.name not in (META, STATE, SUMS) or member.name in digests or not member.isreg():
                        raise ValueError("the archive has a member that does not belong there")
                    digests[member.name], length, texts[member.name] = _read(archive, member)
                    state_size = length if member.name == STATE else state_size
    except (tarfile.TarError, OSError, EOFError, zlib.error, OverflowError) as error:
        raise ValueError(f"the archive cannot be read ({type(error).__name__})") from error
    if sorted(digests) != sorted((META, STATE, SUMS)):
        raise ValueError("the archive is not complete")
    if _sums(texts[SUMS]) != {META: digests[META], STATE: digests[STATE]}:
        raise ValueError("a checksum in the archive does not match")
    return _meta(texts[META], state_size)


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Tuple[str, int, bytes]:
    """Digest, length and (for the small files) content of a member."""
    limit = MAX_LEN.get(member.name)
    if limit is not None and member.size > limit:
        raise ValueError(f"{member.name} is too large")
    source = archive.extractfile(member)
    digest, length, kept = hashlib.sha256(), 0, b""
    while source is not None:
        chunk = source.read(_CHUNK_LEN)
        if not chunk:
            break
        digest.update(chunk)
        length += len(chunk)
        kept = kept + chunk if limit is not None else kept
    if length != member.size:
        raise ValueError(f"{member.name} is cut short")
    return digest.hexdigest(), length, kept


def _sums(text: bytes) -> Dict[str, str]:
    pairs = [line.split("  ", 1) for line in text.decode("ascii", "replace").splitlines()]
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}


def _meta(text: bytes, state_size: int) -> Archive:
    try:
        meta = loads(text)
        servers = sorted(str(server["ID"]) for server in meta["Configuration"]["Servers"])
        archive = Archive(str(meta["ID"]), int(meta["Index"]), int(meta["Term"]), int(meta["Size"]), servers)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{META} is not what Raft writes") from error
    if archive.state_size != state_size:
        raise ValueError(f"{META} and {STATE} disagree on the size")
    return archive


def open_directory(path: str, uid: int, create: bool) -> Optional[Directory]:
    """The directory for snapshots, or None when missing and not to be made. Raises Refused if others can write."""
    above, name = os.path.split(os.path.abspath(path))
    with closing(Directory.open(above)) as parent:
        if parent.stat(name) is None:
            if not create:
                return None
            made = parent.make_directory(name)
            parent.sync()
            return made
    directory = Directory.open(path)
    status = os.fstat(directory.fd)
    if status.st_uid in (0, uid) and not stat.S_IMODE(status.st_mode) & 0o022:
        return directory
    directory.close()
    hint = "Make it 0700 and your own, or choose another: a snapshot holds the keys of the cluster."
    raise Refused("others can write to this directory", path, hint=hint)


def save(
    client: Client, directory: Directory, name: str, stale: bool, deadline: float, now: str, tell: Teller = untold
) -> Dict[str, Any]:
    """Fetch, check, then name the file; returns what the module shows. `now` goes into the name.

    `tell` is told at the beginning, and every TOLD_EVERY_S how much has come.
    """
    partial = _new_partial(directory)
    try:
        sha256, archive = _fetch(client, partial, stale, deadline, tell)
        partial.sync()
        final = name or f"nomad-{archive.last_index}-{now}.snap"
        directory.rename(PARTIAL, final)
    except (AgentError, StoreError):
        if directory.stat(PARTIAL) is not None:
            directory.remove(PARTIAL)
        raise
    finally:
        partial.close()
    return {
        "path": directory.path_of(final),
        "size": partial.length,
        "sha256": sha256,
        "index": archive.last_index,
        "term": archive.last_term,
        "snapshot_id": archive.snapshot_id,
        "state_size": archive.state_size,
        "servers": archive.servers,
    }


def _new_partial(directory: Directory) -> NewFile:
    """A new, locked partial file. Nobody locks the leftover of a killed run, which is removed."""
    if directory.stat(PARTIAL) is not None:
        path = directory.path_of(PARTIAL)
        with reading(directory, PARTIAL) as fd:
            try:
                lock_exclusive(fd, path)
            except InUse as error:
                hint = "Wait until it has ended, then run again."
                raise InUse("another run is still saving a snapshot here", path, hint=hint) from error
            directory.remove(PARTIAL)
    partial = directory.create(PARTIAL)
    lock_exclusive(partial.fd, partial.path)
    return partial


def _fetch(client: Client, partial: NewFile, stale: bool, deadline: float, tell: Teller) -> Tuple[str, Archive]:
    digest = hashlib.sha256()
    began = told = time.monotonic()

    def keep(chunk: bytes) -> None:
        nonlocal told
        digest.update(chunk)
        partial.write([chunk])
        now = time.monotonic()
        if now - told >= TOLD_EVERY_S:
            told = now
            limit = f"{now - began:.0f} s of {deadline - began:.0f} s"
            tell(f"saves a snapshot: {human(partial.length)} have come ({limit})")

    tell("saves a snapshot: the server takes it")
    sent = client.snapshot(stale, keep, deadline)
    if _sha256_of(sent) != digest.digest():
        what = "the snapshot's digest does not match" if sent else "the snapshot came without a digest"
        raise AgentError(f"{client.url}: {what}", "Nothing was kept. Look at the server's log, then run again.")
    with os.fdopen(os.dup(partial.fd), "rb") as stream:
        stream.seek(0)
        try:
            return digest.hexdigest(), check_archive(stream)
        except ValueError as error:
            hint = "Nothing was kept. Look at the server's log, then run again."
            raise AgentError(f"{client.url}: the snapshot is not sound: {error}", hint) from error


def _sha256_of(header: str) -> bytes:
    """The digest in a Digest header, empty when there is none."""
    for part in header.split(","):
        kind, value = part.strip().partition("=")[::2]
        if kind.lower() == "sha-256":
            try:
                return base64.b64decode(value, validate=True)
            except binascii.Error:
                return b""
    return b""
