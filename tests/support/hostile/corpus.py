# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small, sound stores that are damaged, and where the fields in them are.

A store is a mapping of names, as they lie below the Raft directory, to bytes. Some were written by HashiCorp's own
libraries (tests/judge), some were made here to have many pages in few bytes. Fields are found with code of our own,
not with the readers under test: a field is a place whose lie means something.
"""

from __future__ import annotations

import json
import struct
import tempfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.journal import Journal, render
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import entry
from support.paths import HOSTILE
from support.stores import bboltimage, builder
from support.stores.judge import judge

Files = dict[str, bytes]
RAFT_DB, META = "raft.db", "wal/wal-meta.db"
SNAPSHOT_META, JOURNAL = "snapshots/3-9-1795344470000/meta.json", ".raft-migrate.json"
WIDTHS = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}


class Field(NamedTuple):
    """`width` bytes of the file `name` from `off` on, a little-endian number."""

    name: str
    off: int
    width: int


class Frame(NamedTuple):
    """A frame of a segment: where its header is, its kind, and the bytes of its payload."""

    off: int
    kind: int
    length: int


class Sound(NamedTuple):
    """A sound store, with its fields and, by segment, its frames."""

    label: str
    files: Files
    fields: list[Field]
    frames: dict[str, list[Frame]]


def pages_of(data: bytes) -> int:
    """The page size that the first meta gives."""
    return int(struct.unpack_from("<I", data, 24)[0])


def in_use(data: bytes) -> int:
    """Bytes of a sound database up to its last page in use."""
    size = pages_of(data)
    return size * max(int(struct.unpack_from("<Q", data, meta * size + 56)[0]) for meta in (0, 1))


def bolt_fields(name: str, data: bytes) -> list[Field]:
    """The numbers of every page that is in use: headers, element tables, bucket headers, metas, free ids."""
    size = pages_of(data)
    fields = []
    for meta in (0, 1):
        places = ((16, 4), (20, 4), (24, 4), (28, 4), (32, 8), (40, 8), (48, 8), (56, 8), (64, 8), (72, 8))
        fields += [Field(name, meta * size + off, width) for off, width in places]
    for off in range(2 * size, len(data), size):
        page_id, flags, count, _overflow = struct.unpack_from("<QHHI", data, off)
        if page_id * size == off and flags in (1, 2, 16):
            fields += [Field(name, off, 8), Field(name, off + 8, 2), Field(name, off + 10, 2), Field(name, off + 12, 4)]
            fields += _elements(name, data, off, flags, min(count, size // 16 - 1))
    return [field for field in fields if field.off + field.width <= len(data)]


def _elements(name: str, data: bytes, off: int, flags: int, count: int) -> list[Field]:
    found = []
    for number in range(count):
        at = off + 16 + (8 if flags == 16 else 16) * number
        if flags == 16:
            found.append(Field(name, at, 8))
        elif flags == 1:
            found += [Field(name, at, 4), Field(name, at + 4, 4), Field(name, at + 8, 8)]
        else:
            found += [Field(name, at + 4 * place, 4) for place in range(4)]
            is_bucket, pos, key_len, _value_len = struct.unpack_from("<IIII", data, at)
            if is_bucket == 1:
                value = at + pos + key_len
                found += [Field(name, value, 8), Field(name, value + 8, 8), Field(name, value + 26, 2)]
    return found


def frames_of(data: bytes) -> list[Frame]:
    """The frames of a sound segment, up to its end or to the zeros after its last commit."""
    found, off = [], 32
    while off + 8 <= len(data):
        kind, value = struct.unpack_from("<II", data, off)
        if kind == 0:
            break
        length = 0 if kind == 3 else value
        found.append(Frame(off, kind, length))
        off += 8 + length + (-length & 7)
    return found


def segment_fields(name: str, data: bytes, frames: list[Frame]) -> list[Field]:
    """The numbers of a segment's header and of its frames, and the first bytes of each payload."""
    fields = [Field(name, off, width) for off, width in ((0, 4), (4, 2), (7, 1), (8, 8), (16, 8), (24, 8))]
    for frame in frames:
        fields += [Field(name, frame.off, 1), Field(name, frame.off + 1, 2), Field(name, frame.off + 4, 4)]
        if frame.kind == 2:
            fields += [Field(name, frame.off + 8 + pos, 4) for pos in range(0, frame.length, 4)]
        elif frame.kind == 1:
            fields += [Field(name, frame.off + 8 + pos, 1) for pos in range(min(frame.length, 8))]
    return [field for field in fields if field.off + field.width <= len(data)]


def _sound(label: str, files: Files) -> Sound:
    fields: list[Field] = []
    frames = {}
    for name, data in files.items():
        if name.endswith(".db"):
            fields += bolt_fields(name, data)
        elif name.endswith(".wal"):
            frames[name] = frames_of(data)
            fields += segment_fields(name, data, frames[name])
    return Sound(label, files, fields, frames)


def _values(count: int, repeat: int = 1) -> list[tuple[int, bytes]]:
    entries = [replace(one, data=one.data * repeat) for one in builder.log(count)]
    return [(one.index, entry.encode_msgpack(one)) for one in entries]


@lru_cache(maxsize=1)
def raft_dbs() -> list[Sound]:
    """raft.db in the shapes it has: a deep tree, one leaf, inline, overflow pages, bbolt's own, an empty log."""
    deep = bboltimage.raft_db(_values(30), page_size=1024, per_leaf=2, fan_out=2)
    stores = {
        "deep": bytes(deep.data),
        "one-leaf": bytes(bboltimage.raft_db(_values(3), page_size=1024).data),
        "overflow": bytes(bboltimage.raft_db(_values(6, repeat=30), page_size=1024, per_leaf=2, fan_out=3).data),
        "inline": bytes(_inline(_values(2))),
        "no-entries": bytes(bboltimage.raft_db([], page_size=1024).data),
        "no-freelist": bytes(bboltimage.raft_db(_values(9), freelist_id=bboltimage.NOT_STORED).data),
        "bbolt": _made("gen", "-shape", "churned", "-count", 40, "-size", "20", "-page-size", 1024),
        "bbolt-wide": _made("gen", "-shape", "plain", "-count", 25, "-size", "0..90", "-page-size", 2048),
    }
    beside = {SNAPSHOT_META: snapshot_meta(), JOURNAL: journal()}
    return [
        *(_sound(f"raft.db {label}", {RAFT_DB: data}) for label, data in stores.items()),
        _sound("raft.db beside notes", {RAFT_DB: stores["one-leaf"], **beside}),
    ]


def _inline(values: list[tuple[int, bytes]]) -> bytes:
    image = bboltimage.Image(1024)
    items = [(0, bboltimage.index_key(index), value) for index, value in values]
    conf = [(0, key, value) for key, value in sorted(bboltimage.CONF.items())]
    buckets = {b"logs": (1, bboltimage.inline(items)), b"conf": (1, bboltimage.inline(conf))}
    return bytes(image.finish(buckets).data)


def _made(command: str, *arguments: object) -> bytes:
    """A database that bbolt wrote, cut after its last page in use."""
    with tempfile.TemporaryDirectory() as where:
        path = Path(where) / "raft.db"
        judge(command, *arguments, path)
        data = path.read_bytes()
    return data[: in_use(data)]


@lru_cache(maxsize=1)
def wals() -> list[Sound]:
    """wal/ as raft-wal writes it, with many segments, truncated, with one tail; and as the collection writes it.

    Those of raft-wal are kept: new ones from the judge would have other times, and so other damage, each time. They
    were made by `gen -shape plain -count 40 -size 0..90`, `to-wal -segment 1024 -batch 200`, `append -count 4 -size 20
    -batch 2`; the second also by `truncate -head 14`, `truncate -tail 43`, `append -count 7 -size 0..40 -batch 3`; the
    third by `gen-wal -shape wal-new`, `append -count 9 -size 30 -batch 4`. The zeros at their ends are left out.
    """
    stores = {label: _files(HOSTILE / label / "wal") for label in ("raft-wal", "truncated", "one-tail")}
    with tempfile.TemporaryDirectory() as where:
        path = Path(where) / "wal"
        builder.write_wal(path, builder.log(12))
        stores["ours"] = _files(path)
    return [_sound(f"wal/ {label}", files) for label, files in stores.items()]


def _files(path: Path) -> Files:
    """The files of a WAL without the zeros after what was written and the pages after the last in use."""
    files = {f"wal/{file.name}": file.read_bytes() for file in sorted(path.iterdir())}
    for name, data in files.items():
        written = len(data.rstrip(b"\0"))
        files[name] = data[: in_use(data)] if name == META else data[: -(-written // 8) * 8 + 64]
    return files


def snapshot_meta() -> bytes:
    """meta.json of a snapshot of five bytes."""
    name = SNAPSHOT_META.split("/")[1]
    values = {"Version": 1, "ID": name, "Index": 9, "Term": 3, "Size": 5, "CRC": "AAAAAAAAAAA="}
    return json.dumps(values).encode()


def journal() -> bytes:
    """A journal of a conversion that is done."""
    return render(Journal("done", "boltdb", "9f31c2ab", None, builder.NO_PROMISE, builder.NO_PROMISE))
