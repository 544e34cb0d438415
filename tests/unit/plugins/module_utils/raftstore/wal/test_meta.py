# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""wal-meta.db: the JSON byte for byte as Go wrote it, and everything that contradicts itself refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, StoreError, Unsupported
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Stable
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt.writer import DatabaseWriter
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal import meta
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.meta import SegmentInfo, WalMeta
from hypothesis import given, settings
from hypothesis import strategies as st

SEALED_AT = "2026-11-22T09:49:00.5+01:00"
# Written by raft-wal.
GOLDEN = (
    b'{"NextSegmentID":2,"Segments":[{"ID":1,"BaseIndex":5,"MinIndex":5,"MaxIndex":0,"Codec":1,"IndexStart":0,'
    b'"CreateTime":"2026-11-22T09:44:08.057837356Z","SealTime":"0001-01-01T00:00:00Z","SizeLimit":67108864}]}'
)
OPEN = SegmentInfo(1, 5, 5, 0, 0, "2026-11-22T09:44:08.057837356Z", meta.ZERO_TIME, 64 << 20)
TWO = WalMeta(
    9,
    [
        SegmentInfo(3, 5, 7, 90, 4096, OPEN.create_time, SEALED_AT, 1 << 20),
        OPEN._replace(id=8, base_index=91, min_index=91),
    ],
)


def test_what_raft_wal_wrote() -> None:
    assert meta.parse(GOLDEN) == WalMeta(2, [OPEN])
    assert meta.render(WalMeta(2, [OPEN])) == GOLDEN


def test_the_example_in_the_documentation_is_what_raft_wal_wrote() -> None:
    text = (meta.__doc__ or "").replace("\n    ", "").encode()
    assert GOLDEN in text


def test_head_and_tail_may_have_been_truncated() -> None:
    assert meta.parse(meta.render(TWO)) == TWO


@pytest.mark.parametrize("listed", ["null", "[]"])
def test_no_segments(listed: str) -> None:
    assert meta.parse(b'{"NextSegmentID":0,"Segments":' + listed.encode() + b"}") == WalMeta(0, [])


def changed(**first: Any) -> bytes:
    values = json.loads(meta.render(TWO))
    values["Segments"][0].update(first)
    return json.dumps(values).encode()


def edited(edit: Callable[[Dict[str, Any]], Any]) -> bytes:
    values = json.loads(meta.render(TWO))
    edit(values)
    return json.dumps(values).encode()


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "not the JSON"),
        (b"\xff", "not the JSON"),
        (GOLDEN[:-1], "not the JSON"),
        (GOLDEN + b"x", "not the JSON"),
        (b"[" * 100_000, "not the JSON"),
        (b"[]", "wrong type"),
        (b'{"NextSegmentID":1' + b"0" * 5000 + b',"Segments":[]}', "not the JSON|in range"),
        (b'{"NextSegmentID":0,"Segments":{}}', "not a list"),
        (b'{"NextSegmentID":0,"Segments":[5]}', "wrong type"),
        (GOLDEN.replace(b'"Codec":1,', b""), "Codec"),
        (GOLDEN.replace(b'"Codec"', b'"codec"'), "Codec, codec"),
        (GOLDEN.replace(b'"ID":1,', b'"ID":1,"ID":1,'), "twice"),
        (GOLDEN.replace(b'"ID":1,', b'"ID":1.0,'), "not a number in range"),
        (GOLDEN.replace(b'"ID":1,', b'"ID":true,'), "not a number"),
        (GOLDEN.replace(b'"ID":1,', b'"ID":NaN,'), "not the JSON of a WAL"),
        (GOLDEN.replace(b'"ID":1,', b'"ID":-1,'), "not a number"),
        (GOLDEN.replace(b'"ID":1,', b'"ID":"1",'), "not a number"),
        (GOLDEN.replace(b'"ID":1,', b'"ID":18446744073709551616,'), "not a number in range"),
        (GOLDEN.replace(b'"SizeLimit":6', b'"SizeLimit":666'), "not a number in range"),
        (GOLDEN.replace(b'"ID":1,', b'"ID":2,'), "not below the next id 2"),
        (GOLDEN.replace(b"0001-01-01T00:00:00Z", b"yesterday"), "not a time"),
        (GOLDEN.replace(b"0001-01-01T00:00:00Z", b"1001-01-01T00:00:00Z"), "must not be sealed"),
        (GOLDEN.replace(b'"MaxIndex":0', b'"MaxIndex":9'), "is open, but"),
        (GOLDEN.replace(b'"IndexStart":0', b'"IndexStart":80'), "is open, but"),
        (GOLDEN.replace(b'"BaseIndex":5,"MinIndex":5', b'"BaseIndex":0,"MinIndex":0'), "begins at 0"),
        (changed(ID=8), "not all different"),
        (changed(MinIndex=4), "its first entry is 4"),
        (changed(MaxIndex=89), "leaves a hole, or overlaps"),
        (changed(MaxIndex=6, MinIndex=7), "last entry|leaves a hole"),
        (changed(IndexStart=4), "impossible"),
        (changed(IndexStart=4097), "impossible"),
        (changed(SealTime=meta.ZERO_TIME), "must be sealed"),
        (edited(lambda values: values["Segments"].reverse()), "sealed"),
        (edited(lambda values: values["Segments"][1].update(MinIndex=92)), "its first entry is 92"),
        (edited(lambda values: values["Segments"].pop()), "must not be sealed"),
        (edited(lambda values: values.update(Extra=1)), "Extra"),
    ],
)
def test_refused(raw: bytes, problem: str) -> None:
    with pytest.raises(Corrupt, match=problem):
        meta.parse(raw)


def test_another_codec_is_not_damage() -> None:
    with pytest.raises(Unsupported, match="segment 3 is in codec 65536"):
        meta.parse(changed(Codec=65536))


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_damaged_json_gives_metadata_or_a_store_error(data: st.DataObject) -> None:
    raw = bytearray(meta.render(TWO))
    for _number in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        meta.parse(bytes(raw))
    except StoreError as error:
        assert error.what


class Made:
    """A wal-meta.db made in a test."""

    def __init__(self, path: Path, page_size: int = 4096) -> None:
        self.path = path
        new = Directory.open(str(path.parent)).create(path.name)
        self.writer = DatabaseWriter(new, page_size)
        self.fd = new.fd

    def load(self) -> Any:
        return meta.load(os.open(str(self.path), os.O_RDONLY), str(self.path))


@pytest.mark.parametrize("page_size", [1024, 4096, 65536])
@pytest.mark.parametrize(
    "stable", [Stable(), Stable(7, 7, b"10.0.0.1:4647"), Stable(2**64 - 1, 0, b""), Stable(3, None, None)]
)
def test_what_is_built_is_loaded(tmp_path: Path, page_size: int, stable: Stable) -> None:
    segments: List[SegmentInfo] = []
    for number in range(40):
        base = 1 + 100 * number
        segments.append(SegmentInfo(number + 1, base, base, base + 99, 4096, SEALED_AT, SEALED_AT, 1 << 20))
    segments.append(OPEN._replace(id=41, base_index=4001, min_index=4001))
    made = Made(tmp_path / "m", page_size)
    meta.write(made.writer, WalMeta(42, segments), stable)
    assert made.load() == (WalMeta(42, segments), stable)


def test_terms_are_little_endian_on_disk(tmp_path: Path) -> None:
    made = Made(tmp_path / "m")
    meta.write(made.writer, WalMeta(2, [OPEN]), Stable(0x0102, 0x0103, b"x"))
    raw = (tmp_path / "m").read_bytes()
    assert b"CurrentTerm\x02\x01" + bytes(6) in raw and b"LastVoteTerm\x03\x01" + bytes(6) in raw


def test_a_log_that_was_never_opened(tmp_path: Path) -> None:
    made = Made(tmp_path / "m")
    made.writer.put_sorted(b"stable", [])
    made.writer.put_sorted(b"wal-meta", [])
    made.writer.finish()
    assert made.load() == (WalMeta(0, []), Stable())


@pytest.mark.parametrize(
    ("buckets", "problem"),
    [
        ({b"stable": {}, b"wal-state": {}}, "has the buckets"),
        ({b"stable": {}}, "has the buckets"),
        ({b"stable": {}, b"wal-meta": {b"n": b"1"}}, "unknown key b'n'"),
        ({b"stable": {b"ClusterID": b"x"}, b"wal-meta": {}}, "unknown stable key b'ClusterID'"),
        ({b"stable": {b"CurrentTerm": b"x"}, b"wal-meta": {}}, "CurrentTerm has 1 bytes, wanted 8"),
        ({b"stable": {}, b"wal-meta": {b"m": b"{}"}}, "unknown or missing keys"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(tmp_path: Path, buckets: Any, problem: str) -> None:
    made = Made(tmp_path / "m")
    for name in sorted(buckets):
        made.writer.put_sorted(name, sorted(buckets[name].items()))
    made.writer.finish()
    with pytest.raises(StoreError, match=problem) as caught:
        made.load()
    assert caught.value.path == str(tmp_path / "m")
