# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""WAL directories: the one that Nomad wrote, and ones put together by hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterable, Iterator, List, Tuple

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import (
    Corrupt,
    StoreError,
    Unsupported,
)
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import (
    Stable,
    records_of,
)
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.bbolt.writer import DatabaseWriter
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import convert
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal import meta as walmeta
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.meta import ZERO_TIME, SegmentInfo, WalMeta
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.wal.reader import WalStore, segment
from support.stores import builder
from support.stores.segments import (
    Built,
    batches,
)
from support.stores.wals import VOTED, close_all, content, content_of, open_wal, opened

NOW = "2026-11-22T09:49:00Z"


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()


def put(path: Path, built: Iterable[Tuple[Built, SegmentInfo]], next_id: int = 100) -> Path:
    """A WAL of these segment files, put together by hand."""
    path.mkdir(exist_ok=True)
    listed = []
    for made, info in built:
        (path / segment.file_name(info.base_index, info.id)).write_bytes(made.raw)
        listed.append(info)
    new = opened(path).create("wal-meta.db")
    walmeta.write(DatabaseWriter(new, 4096), WalMeta(next_id, listed), VOTED)
    new.close()
    return path


def sealed(base: int, count: int, segment_id: int, low: int = 0, high: int = 0) -> Tuple[Built, SegmentInfo]:
    built = batches(base, [count], segment_id=segment_id).index().commit()
    return built, SegmentInfo(
        segment_id, base, low or base, high or base + count - 1, built.index_start, NOW, NOW, 4096
    )


def tail(base: int, counts: List[int], segment_id: int, low: int = 0) -> Tuple[Built, SegmentInfo]:
    built = batches(base, counts, segment_id=segment_id)
    built.raw += bytes(1024)
    return built, SegmentInfo(segment_id, base, low or base, 0, 0, NOW, ZERO_TIME, 4096)


def test_the_wal_that_nomad_wrote(tmp_path: Path) -> None:
    store = open_wal(builder.nomad_store("wal-follower", tmp_path) / "wal")
    truth = builder.truth("wal-follower")
    assert (store.first_index, store.last_index, store.entry_count) == (170, 535, 366)
    assert store.stable() == Stable(4, 4, b"127.0.0.12:4647")
    assert [extent.first_index for extent in store.extents()] == [170, 311, 359, 407, 455]
    assert convert.digest(store) == truth["digest"]
    assert store.notes == []


def test_only_what_was_not_truncated_counts(tmp_path: Path) -> None:
    path = put(tmp_path / "wal", [sealed(5, 10, 3, low=8), sealed(15, 6, 4, high=17), tail(18, [2, 1], 7)])
    store = open_wal(path)
    assert (store.first_index, store.last_index, store.entry_count) == (8, 20, 13)
    assert [index for index, _raw in content(store)] == list(range(8, 21))
    by_segment = [[index for index, _raw in records_of(store, [extent])] for extent in store.extents()]
    assert by_segment == [list(range(8, 15)), [15, 16, 17], [18, 19, 20]]


def test_a_head_truncated_within_the_tail(tmp_path: Path) -> None:
    store = open_wal(put(tmp_path / "wal", [tail(5, [3, 3], 1, low=9)]))
    assert (store.first_index, store.last_index) == (9, 10)
    assert [index for index, _raw in content(store)] == [9, 10]


def test_a_tail_that_exists_in_the_metadata_only(tmp_path: Path) -> None:
    path = put(tmp_path / "wal", [sealed(5, 3, 1), tail(8, [1], 2)])
    (path / segment.file_name(8, 2)).unlink()
    assert open_wal(path).last_index == 7


def test_a_log_without_entries(tmp_path: Path) -> None:
    built, info = tail(1, [], 1)
    store = open_wal(put(tmp_path / "wal", [(built, info)]))
    assert (store.first_index, store.last_index, store.entry_count, content(store)) == (0, 0, 0, [])


def test_a_seal_that_the_metadata_do_not_know_is_read_and_noted(tmp_path: Path) -> None:
    built, info = tail(5, [3], 1)
    built = batches(5, [3]).index().commit()
    store = open_wal(put(tmp_path / "wal", [(built, info)]))
    assert store.broken and "segment is sealed" in store.notes[0]
    assert [index for index, _raw in content(store)] == [5, 6, 7]


def test_a_truncation_killed_before_it_removed_its_files(tmp_path: Path) -> None:
    path = put(tmp_path / "wal", [tail(18, [2], 7)], next_id=8)
    (path / segment.file_name(5, 3)).write_bytes(b"anything")
    store = open_wal(path)
    assert "was truncated away" in store.notes[0] and store.entry_count == 2


SHAPES = {  # as raft-wal leaves them when it is killed between its commit of the metadata and the new tail's file
    "all truncated": ([tail(21, [], 5)], [(1, 0), (9, 3), (11, 4)]),
    "tail truncated": ([sealed(5, 10, 1, high=8), tail(9, [], 4)], [(15, 2), (20, 3)]),
    "first append elsewhere": ([tail(170, [], 1)], [(1, 0)]),
}


def killed_truncation(path: Path, shape: str) -> List[str]:
    listed, strays = SHAPES[shape]
    put(path, listed, next_id=listed[-1][1].id + 1)
    (path / segment.file_name(listed[-1][1].base_index, listed[-1][1].id)).unlink()
    names = [segment.file_name(*stray) for stray in strays]
    for name in names:
        (path / name).write_bytes(b"anything")
    return names


@pytest.mark.parametrize("shape", SHAPES)
def test_a_truncation_killed_before_it_made_the_new_tail(shape: str, tmp_path: Path) -> None:
    names = killed_truncation(tmp_path / "wal", shape)
    store = open_wal(tmp_path / "wal")
    assert [note.split()[0] for note in store.notes] == [str(tmp_path / "wal" / name) for name in names]
    assert (store.first_index, store.last_index) == ((5, 8) if shape == "tail truncated" else (0, 0))
    assert [index for index, _raw in content(store)] == ([5, 6, 7, 8] if shape == "tail truncated" else [])


@pytest.mark.parametrize(
    ("stray", "why"),
    [
        ((15, 1), "its id is that of a listed segment"),
        ((8, 2), "it begins before the end of an older one"),
        ((9, 5), "its id was not given out"),
        ((10, 4), "its id is the missing tail's"),
    ],
)
def test_no_other_stray_may_stand_beside_a_missing_tail(stray: Tuple[int, int], why: str, tmp_path: Path) -> None:
    killed_truncation(tmp_path / "wal", "tail truncated")
    name = segment.file_name(*stray)
    (tmp_path / "wal" / name).write_bytes(b"anything")
    with pytest.raises(Corrupt, match="not in the WAL's list") as caught:
        open_wal(tmp_path / "wal")
    assert caught.value.path == str(tmp_path / "wal" / name), why


@pytest.mark.parametrize("tail_is", ["there", "missing", "missing beside a stray"])
def test_no_flipped_bit_of_the_list_turns_a_listed_segment_into_a_stray(tail_is: str, tmp_path: Path) -> None:
    """Every bit of the JSON: what is accepted has found the same files, whatever else it says of them."""
    path = put(tmp_path / "wal", [sealed(1, 2, 0), sealed(3, 4, 2), tail(7, [1, 2], 3)], next_id=4)
    if tail_is != "there":
        (path / segment.file_name(7, 3)).unlink()
    if tail_is == "missing beside a stray":
        (path / segment.file_name(9, 1)).write_bytes(b"anything")
    notes, raw = open_wal(path).notes, (path / "wal-meta.db").read_bytes()
    close_all()
    json_off = raw.rindex(b'{"NextSegmentID"')
    refused = accepted = 0
    with open(path / "wal-meta.db", "r+b", buffering=0) as meta:
        for off in range(json_off, raw.rindex(b"}") + 1):
            for bit in range(8):
                os.pwrite(meta.fileno(), bytes((raw[off] ^ 1 << bit,)), off)
                try:
                    assert open_wal(path).notes == notes, (off, bit)
                    accepted += 1  # times, limits, the truncated head
                except StoreError:
                    refused += 1
                finally:
                    close_all()
            os.pwrite(meta.fileno(), raw[off : off + 1], off)
    assert refused > 3000 and accepted > 0


@pytest.mark.parametrize(
    ("name", "kind", "problem"),
    [
        ("00000000000000000009-0000000000000064.wal", Corrupt, "not in the WAL's list"),
        ("x.wal", Unsupported, "not part of any WAL"),
        ("9-64.wal", Unsupported, "not part of any WAL"),
        ("wal-meta.json", Unsupported, "not part of any WAL"),
        ("00000000000000000018-0000000000000007.wal.bak", Unsupported, "not part of any WAL"),
    ],
)
def test_files_that_cannot_be_here_are_refused(tmp_path: Path, name: str, kind: type, problem: str) -> None:
    path = put(tmp_path / "wal", [tail(18, [2], 7)])
    (path / name).write_bytes(b"x")
    with pytest.raises(kind, match=problem) as caught:
        open_wal(path)
    assert isinstance(caught.value, StoreError) and caught.value.path == str(path / name)


def test_a_stray_segment_may_be_the_missing_tail_under_a_damaged_name(tmp_path: Path) -> None:
    path = put(tmp_path / "wal", [sealed(5, 3, 1), tail(8, [1], 2)])
    (path / segment.file_name(8, 2)).rename(path / segment.file_name(8, 3))
    with pytest.raises(Corrupt, match="not in the WAL's list of segments"):
        open_wal(path)


def test_missing_segments_are_noticed(tmp_path: Path) -> None:
    path = put(tmp_path / "wal", [sealed(5, 3, 1), tail(8, [1], 2)])
    (path / segment.file_name(5, 1)).unlink()
    with pytest.raises(Corrupt, match="it is gone"):
        open_wal(path)


class Blind(Directory):
    """A directory whose listing lacks what is there, as on btrfs through a descriptor that was opened earlier."""

    def names(self) -> List[str]:
        return []


def test_a_listing_alone_is_no_evidence_that_a_segment_is_gone(tmp_path: Path) -> None:
    path = put(tmp_path / "wal", [sealed(5, 3, 1), tail(8, [1], 2)])
    directory = opened(path)
    fd = directory.open_read("wal-meta.db")
    store = WalStore(Blind(directory.fd, directory.path), fd)
    assert (store.first_index, store.last_index) == (5, 8)
    (path / segment.file_name(5, 1)).unlink()
    with pytest.raises(Corrupt, match=r"it is gone.* look again with raft_store_info"):
        WalStore(Blind(directory.fd, directory.path), fd)
    os.close(fd)


def test_entries_that_the_metadata_promise_must_be_there(tmp_path: Path) -> None:
    built, info = sealed(5, 3, 1)
    path = put(tmp_path / "wal", [(built, info._replace(max_index=9)), tail(10, [1], 2)])
    with pytest.raises(Corrupt, match="has 3 entries from 5 on, but its last one should be 9"):
        content_of(path)
    path = put(tmp_path / "other", [tail(5, [2], 1, low=8)])
    with pytest.raises(Corrupt, match="ends with entry 6, but the log begins at 8"):
        open_wal(path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    path = put(tmp_path / "wal", [tail(18, [2], 7)])
    name = segment.file_name(18, 7)
    (path / name).rename(tmp_path / "elsewhere")
    (path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        open_wal(path)


def test_every_flipped_bit_in_the_segments_is_refused(tmp_path: Path) -> None:
    """Sealed segments while they are read, the tail when the store is opened; the zeros after it do not count."""
    path = put(tmp_path / "wal", [sealed(1, 2, 1), tail(3, [1, 2], 2)])
    wanted = content_of(path)
    for name in sorted(os.listdir(path)):
        if name.endswith(".wal"):
            raw = (path / name).read_bytes()
            committed = raw.rstrip(b"\0")
            for bit in range(0, 8 * len(committed), 3):
                flipped = bytearray(raw)
                flipped[bit // 8] ^= 1 << bit % 8
                (path / name).write_bytes(flipped)
                with pytest.raises(StoreError):
                    content_of(path)
            (path / name).write_bytes(raw)
    assert content_of(path) == wanted


def test_flipped_bits_in_the_metadata_never_end_in_another_error(tmp_path: Path) -> None:
    path = put(tmp_path / "wal", [sealed(1, 2, 1), tail(3, [1, 2], 2)])
    raw = (path / "wal-meta.db").read_bytes()
    unseen = 0
    for bit in range(0, 8 * len(raw), 211):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        (path / "wal-meta.db").write_bytes(flipped)
        try:
            unseen += len(content_of(path)) == 5
        except StoreError as error:
            assert error.path.startswith(str(path))
    assert unseen > 0  # free space, times, size limits
