# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage to sound stores: the same number always gives the same damage.

Two kinds. Blind damage knows nothing of what it hits: flipped bits, pieces overwritten, cut, moved or zeroed. The other
kind lies: it writes values that mean something into the fields of the formats (page ids, counts, lengths, offsets) and
then puts the checksums right, so that what lies behind them is reached; it builds trees that no writer makes, and
metadata of a WAL that say impossible things.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.crc32c import crc32c
from support.hostile import corpus as hostile_corpus
from support.hostile import trees as hostile_trees
from support.hostile.corpus import JOURNAL, META, RAFT_DB, SNAPSHOT_META, WIDTHS, Field, Files, Sound
from support.stores import bboltimage

SPARSE_LENS = (1 << 20, 1 << 26, 1 << 29, 1 << 33)


class Damaged(NamedTuple):
    """A damaged store, what was done to it, and how many bytes of nothing follow the content of each file."""

    files: Files
    how: str
    longer: dict[str, int]


def damage(sound: Sound, rng: random.Random) -> Damaged:
    """One damaged copy of a sound store."""
    files = dict(sound.files)
    kinds = BLIND + (LYING_WAL if META in files else LYING_NOTES if JOURNAL in files else LYING_BOLTDB)
    kind = rng.choice(kinds)
    kind(sound, files, rng)
    if rng.random() < 0.5:
        put_checksums_right(sound, files)
    longer = {}
    if rng.random() < (0.5 if kind is odd_tree else 0.1):  # a lying length has something to be read then
        longer[rng.choice(sorted(files))] = rng.choice(SPARSE_LENS)
    return Damaged(files, kind.__name__, longer)


# -- blind -------------------------------------------------------------------------------------------------------------


def flip_bits(sound: Sound, files: Files, rng: random.Random) -> None:
    name, data = _pick(files, rng)
    for _number in range(rng.choice((1, 1, 1, 2, 8))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    files[name] = bytes(data)


def overwrite(sound: Sound, files: Files, rng: random.Random) -> None:
    name, data = _pick(files, rng)
    length = rng.choice((1, 2, 4, 8, 16, 100, 1024))
    off = rng.randrange(len(data) + 1)
    piece = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))
    data[off : off + length] = piece
    files[name] = bytes(data)


def cut(sound: Sound, files: Files, rng: random.Random) -> None:
    name, data = _pick(files, rng)
    files[name] = bytes(data[: rng.randrange(len(data) + 1)])


def remove_or_insert(sound: Sound, files: Files, rng: random.Random) -> None:
    name, data = _pick(files, rng)
    off, length = rng.randrange(len(data) + 1), rng.choice((1, 8, 16, 1024))
    if rng.random() < 0.5:
        del data[off : off + length]
    else:
        data[off:off] = rng.randbytes(length)
    files[name] = bytes(data)


def copy_within(sound: Sound, files: Files, rng: random.Random) -> None:
    """A page or frame in the place of another: a write that went to a wrong place, or that never came."""
    name, data = _pick(files, rng)
    unit = rng.choice((8, 16, 1024, 4096))
    places = max(1, len(data) // unit)
    source, target = rng.randrange(places) * unit, rng.randrange(places) * unit
    data[target : target + unit] = data[source : source + unit]
    files[name] = bytes(data)


def _pick(files: Files, rng: random.Random) -> tuple[str, bytearray]:
    name = rng.choice(sorted(files))
    return name, bytearray(files[name])


# -- lies --------------------------------------------------------------------------------------------------------------


def lie_in_fields(sound: Sound, files: Files, rng: random.Random) -> None:
    for _number in range(rng.choice((1, 1, 1, 2, 3))):
        field = rng.choice(sound.fields)
        data = bytearray(files[field.name])
        if field.off + field.width <= len(data):
            struct.pack_into(WIDTHS[field.width], data, field.off, _lie(sound, files, field, rng))
        files[field.name] = bytes(data)


def _lie(sound: Sound, files: Files, field: Field, rng: random.Random) -> int:
    """A value that somebody might believe."""
    limit = 1 << 8 * field.width
    data = files[field.name]
    (true,) = struct.unpack_from(WIDTHS[field.width], data, field.off)
    other = rng.choice([one for one in sound.fields if one.width == field.width])
    (others,) = struct.unpack_from(WIDTHS[other.width], sound.files[other.name], other.off)
    pages = max(1, len(data) // 1024)
    choices = (
        0, 1, limit - 1, limit // 2, limit // 2 - 1, limit - 16, true + 1, true - 1, true * 2, true ^ 0x100, others,
        rng.randrange(pages), rng.randrange(pages), rng.randrange(len(data) + 1), len(data), rng.randrange(limit),
        1 << rng.randrange(8 * field.width), 64 << 20, (64 << 20) + 1, 0xFFFF,
    )  # fmt: skip
    return rng.choice(choices) % limit


def odd_tree(sound: Sound, files: Files, rng: random.Random) -> None:
    files[RAFT_DB] = hostile_trees.odd_tree(rng)


def lie_in_list_of_segments(sound: Sound, files: Files, rng: random.Random) -> None:
    values = _list_of_segments(files[META])
    raw = json.dumps(values).encode()
    for _number in range(rng.choice((1, 1, 2, 3))):
        raw = _change_json(values, rng)
    files[META] = _wal_meta(raw, rng)


def _list_of_segments(data: bytes) -> dict[str, Any]:
    """The JSON in a sound wal-meta.db, found by how it begins and ends."""
    last = data.rindex(b'{"NextSegmentID"')
    return dict(json.JSONDecoder().raw_decode(data[last:].decode("utf-8", "replace"))[0])


def _change_json(values: dict[str, Any], rng: random.Random) -> bytes:
    segments = values.get("Segments")
    listed = segments if isinstance(segments, list) else []
    kind = rng.randrange(7)
    if kind == 0 and listed:
        segments.insert(rng.randrange(len(segments) + 1), dict(rng.choice(segments)))
    elif kind == 1 and listed:
        segments.pop(rng.randrange(len(segments)))
    elif kind == 2:
        values["Segments"] = rng.choice((None, [], {}, "x", 5, listed[::-1], listed * 40))
    else:
        _lie_in_object(rng.choice([values, *(one for one in listed if isinstance(one, dict))]), rng)
    return _spoil(json.dumps(values), rng)


def _lie_in_object(values: dict[str, Any], rng: random.Random) -> None:
    """Another value for one key, or none."""
    strange = (
        0, 1, -1, 2**32 - 1, 2**32, 2**63, 2**64 - 1, 2**64, 10**400, 1.5, float("inf"), True, None, "", "1", [], {},
        [[]] * 50, "0001-01-01T00:00:00Z", "2026-11-22T09:44:08.057837356Z", "x" * 5000, "../../x", rng.randrange(200),
    )  # fmt: skip
    key = rng.choice(sorted(values)) if values else "ID"
    true = values.get(key)
    if rng.random() < 0.2:
        values.pop(key, None)
    elif isinstance(true, dict) and rng.random() < 0.8:
        _lie_in_object(true, rng)
    elif isinstance(true, int) and rng.random() < 0.4:
        values[key] = true + rng.choice((-8, -1, 1, 8))
    else:
        values[key] = rng.choice(strange)


def _spoil(text: str, rng: random.Random) -> bytes:
    """The text, or now and then one that is no JSON, or far too much of it."""
    raw = text.encode()
    if rng.random() < 0.85:
        return raw
    depth = rng.choice((20, 2000, 60_000))
    long_numbers = raw.replace(b": 1", b": " + b"9" * 5000, 1000)
    return rng.choice((b"[" * depth, b'{"a":' * depth, raw + b" x", raw[:-1], b"\xff" + raw, long_numbers))


def lie_in_notes(sound: Sound, files: Files, rng: random.Random) -> None:
    """What stands beside a store: the journal of a former run, and the metadata of a snapshot."""
    name = rng.choice((JOURNAL, SNAPSHOT_META))
    values = json.loads(files[name])
    _lie_in_object(values, rng)
    files[name] = _spoil(json.dumps(values), rng)


def _wal_meta(raw: bytes, rng: random.Random) -> bytes:
    """A sound database with this list of segments."""
    image = bboltimage.Image(rng.choice((1024, 4096)))
    stable = [(0, b"CurrentTerm", struct.pack("<Q", 3)), (0, b"LastVoteTerm", struct.pack("<Q", 3))]
    item = [(0, b"m", raw)]
    listed = bboltimage.paged(image.leaf(item)) if len(raw) > 200 else bboltimage.inline(item)
    return bytes(image.finish({b"stable": (1, bboltimage.inline(stable)), b"wal-meta": (1, listed)}).data)


def lie_in_names(sound: Sound, files: Files, rng: random.Random) -> None:
    """Segments that are gone, exchanged, doubled, empty, or named after what they are not."""
    names = sorted(name for name in files if name.endswith(".wal"))
    one, other = rng.choice(names), rng.choice(names)
    base, segment_id = rng.choice((0, 1, 5, 28, 2**64 - 1)), rng.choice((0, 1, 2, 7, 2**64 - 1))
    strange = rng.choice((f"wal/{base:020d}-{segment_id:016x}.wal", "wal/x.wal", "wal/wal-meta.db.tmp", "wal/notes"))
    kind = rng.randrange(5)
    if kind == 0:
        del files[one]
    elif kind == 1:
        files[one], files[other] = files[other], files[one]
    elif kind == 2:
        files[one] = b""
    elif kind == 3:
        files[strange] = files[one]
    else:
        files[strange] = files.pop(one)


def lie_in_entries(sound: Sound, files: Files, rng: random.Random) -> None:
    """Payloads of other content and length in frames that are sound, with an index that fits or does not."""
    name = rng.choice(sorted(sound.frames))
    frames = sound.frames[name]
    data = bytearray(files[name])
    entries = [frame for frame in frames if frame.kind == 1 and frame.off + 8 + frame.length <= len(data)]
    for frame in rng.sample(entries, min(len(entries), rng.choice((1, 2)))):
        begin, end = frame.off + 8, frame.off + 8 + frame.length
        payload = bytearray(data[begin:end])
        for _number in range(rng.choice((1, 1, 3))):
            if payload:
                payload[rng.randrange(min(len(payload), 12))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        data[begin:end] = payload
    files[name] = bytes(data)


BLIND: tuple[Callable[[Sound, Files, random.Random], None], ...] = (
    flip_bits, overwrite, cut, remove_or_insert, copy_within,
)  # fmt: skip
LYING_BOLTDB = (lie_in_fields, lie_in_fields, lie_in_fields, lie_in_fields, odd_tree, odd_tree)
LYING_NOTES = (lie_in_notes, lie_in_notes, lie_in_notes, lie_in_notes)
LYING_WAL = (lie_in_fields, lie_in_fields, lie_in_fields, lie_in_entries, lie_in_list_of_segments, lie_in_names)


# -- checksums ---------------------------------------------------------------------------------------------------------


def put_checksums_right(sound: Sound, files: Files) -> None:
    """Metas and commits get the checksums of what they now cover, wherever they still are."""
    for name, data in files.items():
        if name.endswith(".db"):
            files[name] = seal_metas(data)
        elif name in sound.frames:
            files[name] = seal_commits(data, sound.frames[name])


def seal_metas(data: bytes) -> bytes:
    """A database whose metas have right checksums."""
    sealed = bytearray(data)
    size = hostile_corpus.pages_of(data) if len(data) >= 80 else 0
    for off in (0, size):
        if len(data) >= off + 80 and data[off + 16 : off + 20] == b"\xed\xda\x0c\xed":
            struct.pack_into("<Q", sealed, off + 72, bboltimage.fnv1a(bytes(sealed[off + 16 : off + 72])))
    return bytes(sealed)


def seal_commits(data: bytes, frames: list[hostile_corpus.Frame]) -> bytes:
    """A segment whose commit frames, where they were in the sound one, have right checksums."""
    sealed = bytearray(data)
    begin = 0
    for frame in frames:
        if frame.kind == 3 and frame.off + 8 <= len(sealed):
            struct.pack_into("<I", sealed, frame.off + 4, crc32c(bytes(sealed[begin : frame.off])))
            begin = frame.off + 8
    return bytes(sealed)
