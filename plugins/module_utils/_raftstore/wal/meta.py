# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""wal-meta.db: which segments a WAL has, and the stable values. The JSON is parsed and made by pure functions.

    bucket    key                 value
    wal-meta  "m"                 JSON, below; absent in a WAL that was never opened
    stable    "CurrentTerm"       term, u64 little-endian (raft.db has big-endian)
              "LastVoteTerm"      the same; absent or empty means 0
              "LastVoteCand"      address, raw bytes

The JSON is what Go makes of raft-wal's PersistentState (types/meta.go, types/segment.go):

    {"NextSegmentID":2,"Segments":[{"ID":1,"BaseIndex":5,"MinIndex":5,"MaxIndex":0,"Codec":1,"IndexStart":0,
    "CreateTime":"2026-11-22T09:44:08.057837356Z","SealTime":"0001-01-01T00:00:00Z","SizeLimit":67108864}]}

Segments ascend without holes. Only the last is not sealed: SealTime is Go's zero time, MaxIndex and IndexStart are 0.
MinIndex is above BaseIndex if the head of the log was deleted, MaxIndex below the file's last entry if its tail was;
only MinIndex to MaxIndex counts. IndexStart is the file offset of the first item of the segment's index.
JSON that contradicts this is refused; a wrong MinIndex of the first segment cannot be seen.
"""

from __future__ import annotations

import json
import re
import struct
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from ..._disk.errors import RESTORE, Corrupt, Unsupported, corrupt, located
from ..._disk.plainjson import loads
from ..base.store import CURRENT_TERM, LAST_VOTE_CANDIDATE, LAST_VOTE_TERM, STABLE_KEYS, U64_LIMIT, Stable
from ..bbolt.reader import Database
from ..bbolt.writer import DatabaseWriter
from .segment import CODEC_BINARY_V1, FILE_HEADER_LEN, FRAME_HEADER_LEN, UNKNOWN_KIND

META_BUCKET, STABLE_BUCKET = b"wal-meta", b"stable"
META_KEY = b"m"
NUMBER = struct.Struct("<Q")
ZERO_TIME = "0001-01-01T00:00:00Z"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
U32_LIMIT = 1 << 32
MAX_LIST_LEN = 4 << 20  # bytes of JSON, about 18,000 segments


class SegmentInfo(NamedTuple):
    """What the metadata say about one segment; field names follow the JSON. Times are RFC 3339 text."""

    id: int
    base_index: int
    min_index: int
    max_index: int
    index_start: int
    create_time: str
    seal_time: str
    size_limit: int

    @property
    def sealed(self) -> bool:
        """Whether the segment is complete."""
        return self.seal_time != ZERO_TIME


class WalMeta(NamedTuple):
    """The list of segments, and the id of the next one to be made."""

    next_segment_id: int
    segments: Sequence[SegmentInfo]


# JSON name, field of SegmentInfo, kind (str: a time; else the first number that is too large)
FIELDS = (
    ("ID", "id", U64_LIMIT),
    ("BaseIndex", "base_index", U64_LIMIT),
    ("MinIndex", "min_index", U64_LIMIT),
    ("MaxIndex", "max_index", U64_LIMIT),
    ("Codec", "", U64_LIMIT),
    ("IndexStart", "index_start", U32_LIMIT),
    ("CreateTime", "create_time", str),
    ("SealTime", "seal_time", str),
    ("SizeLimit", "size_limit", U32_LIMIT),
)


def parse(raw: bytes) -> WalMeta:
    """The metadata in this JSON, all of it checked. Raises Corrupt, or Unsupported for another codec."""
    if len(raw) > MAX_LIST_LEN:
        raise Unsupported(f"the list of segments has {len(raw)} bytes; at most {MAX_LIST_LEN} are read", offset=0)
    try:
        values = loads(raw, _object)
    except ValueError as error:
        raise corrupt(f"the list of segments is not the JSON of a WAL: {error}", 0) from error
    _exact_keys(values, ("NextSegmentID", "Segments"))
    listed = [] if values["Segments"] is None else values["Segments"]  # Go writes null for an empty list
    if not isinstance(listed, list):
        raise corrupt("the list of segments is not a list", 0)
    meta = WalMeta(_number(values, "NextSegmentID", U64_LIMIT), [_segment(item) for item in listed])
    _check(meta)
    return meta


def _object(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("it has a key twice")
    return values


def _exact_keys(values: Any, names: Sequence[str]) -> None:
    if not isinstance(values, dict):
        raise corrupt("the list of segments has a value of a wrong type", 0)
    if sorted(values) != sorted(names):
        differing = ", ".join(sorted(set(values) ^ set(names)))
        raise corrupt(f"the list of segments has unknown or missing keys: {differing[:200]}", 0)


def _number(values: Dict[str, Any], name: str, limit: int) -> int:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < limit:
        raise corrupt(f"{name} in the list of segments is {str(value)[:40]!r}, not a number in range", 0)
    return value


def _segment(values: Any) -> SegmentInfo:
    _exact_keys(values, [name for name, _field, _kind in FIELDS])
    found: Dict[str, Any] = {}
    for name, field, kind in FIELDS:
        if isinstance(kind, int):
            found[field] = _number(values, name, kind)
        elif isinstance(values[name], str) and TIME.fullmatch(values[name]):
            found[field] = values[name]
        else:
            raise corrupt(f"{name} in the list of segments is {str(values[name])[:40]!r}, not a time", 0)
    if found.pop("") != CODEC_BINARY_V1:
        raise Unsupported(
            f"segment {found['id']} is in codec {values['Codec']}; known is {CODEC_BINARY_V1}", hint=UNKNOWN_KIND
        )
    return SegmentInfo(**found)


def _check(meta: WalMeta) -> None:
    """Raise Corrupt for a list that raft-wal would not have written."""
    ids = [info.id for info in meta.segments]
    if len(set(ids)) != len(ids) or any(segment_id >= meta.next_segment_id for segment_id in ids):
        raise corrupt(f"segment ids are not all different, or not below the next id {meta.next_segment_id}", 0)
    for number, info in enumerate(meta.segments):
        is_last = number == len(meta.segments) - 1
        if is_last == info.sealed:
            raise corrupt(f"segment {info.id} must {'not ' if is_last else ''}be sealed: only the last one is open", 0)
        if info.base_index == 0 or info.min_index < info.base_index or (number and info.min_index != info.base_index):
            raise corrupt(f"segment {info.id} begins at {info.base_index}, but its first entry is {info.min_index}", 0)
        if number and info.base_index != meta.segments[number - 1].max_index + 1:
            raise Corrupt(
                f"segment {info.id} begins at {info.base_index} and leaves a hole, or overlaps the one before"
            )
        if info.sealed and not (info.min_index <= info.max_index and _is_index_start(info.index_start)):
            raise corrupt(f"segment {info.id} is sealed, but its last entry or its index is impossible", 0)
        if not info.sealed and (info.max_index or info.index_start):
            raise corrupt(f"segment {info.id} is open, but has a last entry or an index", 0)


def _is_index_start(off: int) -> bool:
    return off >= FILE_HEADER_LEN + 2 * FRAME_HEADER_LEN and off % FRAME_HEADER_LEN == 0


def render(meta: WalMeta) -> bytes:
    """The JSON, byte for byte as Go would write it."""
    segments = [
        {name: getattr(info, field) if field else CODEC_BINARY_V1 for name, field, _kind in FIELDS}
        for info in meta.segments
    ]
    values = {"NextSegmentID": meta.next_segment_id, "Segments": segments}
    return json.dumps(values, separators=(",", ":")).encode("ascii")


def load(fd: int, path: str) -> Tuple[WalMeta, Stable]:
    """What the wal-meta.db open on `fd` says. Raises StoreError for anything it does not know."""
    database = Database(fd, path)
    buckets = database.buckets()
    if sorted(buckets) != [STABLE_BUCKET, META_BUCKET]:
        raise Unsupported(
            f"this file has the buckets {sorted(buckets)}, a WAL has {[STABLE_BUCKET, META_BUCKET]}",
            path,
            hint=UNKNOWN_KIND,
        )
    meta = WalMeta(0, [])
    for item in database.items(buckets[META_BUCKET]):
        if item.is_bucket or item.key != META_KEY:
            raise Unsupported(f"unknown key {item.key!r} in the bucket wal-meta", path, item.value_off, UNKNOWN_KIND)
        with located(path, item.value_off):
            meta = parse(item.value)
    values: Dict[bytes, bytes] = {}
    for item in database.items(buckets[STABLE_BUCKET]):
        if item.is_bucket or item.key not in STABLE_KEYS:
            raise Unsupported(f"unknown stable key {item.key!r}", path, item.value_off, UNKNOWN_KIND)
        if item.key != LAST_VOTE_CANDIDATE and len(item.value) not in (0, NUMBER.size):
            raise Corrupt(f"{item.key.decode()} has {len(item.value)} bytes, wanted 8", path, item.value_off, RESTORE)
        if item.value or item.key == LAST_VOTE_CANDIDATE:
            values[item.key] = item.value
    terms = [NUMBER.unpack(values[key])[0] if key in values else None for key in (CURRENT_TERM, LAST_VOTE_TERM)]
    return meta, Stable(terms[0], terms[1], values.get(LAST_VOTE_CANDIDATE))


def write(writer: DatabaseWriter, meta: WalMeta, stable: Stable) -> None:
    """Write a whole wal-meta.db and sync it."""
    writer.put_sorted(STABLE_BUCKET, stable.items(NUMBER))
    writer.put_sorted(META_BUCKET, [(META_KEY, render(meta))])
    writer.finish()
