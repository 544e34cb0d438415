# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversion: stores that Nomad wrote keep their content, in parts and in little memory."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Iterator, List, Sequence, Tuple

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt, IndexGap, StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base.store import Extent
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb.writer import BoltStoreWriter
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.request import no_progress
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import convert, entry
from hypothesis import given
from hypothesis import strategies as st
from support.stores import builder, endless
from support.stores.ours import Opener, new_wal

BOLT_STORES = [name for name in builder.NAMES if not name.startswith("wal-")]
MIB = 1 << 20


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens stores, and closes them after the test."""
    opener = Opener()
    yield opener
    opener.close()


def kept_tail(extents: Sequence[Extent]) -> Sequence[Extent]:
    """The extents after the last hole."""
    start = len(extents) - 1
    while start > 0 and extents[start - 1].last_index + 1 == extents[start].first_index:
        start -= 1
    return extents[start:]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", BOLT_STORES)
def test_what_nomad_wrote_keeps_its_content(tmp_path: Path, opened: Opener, name: str, workers: int) -> None:
    source = opened(builder.nomad_store(name, tmp_path) / "raft.db")
    extents = kept_tail(source.extents())
    count = sum(extent.entry_count for extent in extents)
    calls: List[Tuple[str, int, int, int]] = []
    report = convert.convert(
        source, new_wal(tmp_path / "wal"), extents, source.stable(), workers, lambda *call: calls.append(call)
    )
    target = opened(tmp_path / "wal")
    assert (
        convert.verify(source, target, extents, workers, no_progress) == report.entries == target.entry_count == count
    )
    assert (target.first_index, target.last_index) == (extents[0].first_index, source.last_index)
    assert target.stable() == source.stable()
    assert calls[-1][:3] == ("convert", count, count)
    truth = builder.truth(name)
    if count == truth["entries"]:
        assert convert.digest(target) == truth["digest"]
    kept = builder.entries_of(tmp_path / "server/raft/raft.db")[-count - 1 :]
    assert builder.entries_of(tmp_path / "wal") == kept
    segments = sum(path.stat().st_size for path in (tmp_path / "wal").glob("*.wal"))
    assert report.bytes_written == segments and report.bytes_read == sum(extent.data_len for extent in extents)


def test_the_digest_of_what_nomad_wrote(tmp_path: Path, opened: Opener) -> None:
    for name in builder.NAMES:
        raft = builder.nomad_store(name, tmp_path / name)
        store = opened(raft / "raft.db" if (raft / "raft.db").exists() else raft / "wal")
        assert convert.digest(store) == builder.truth(name)["digest"]


def test_a_wal_is_copied_to_a_wal(tmp_path: Path, opened: Opener) -> None:
    source = opened(builder.nomad_store("wal-follower", tmp_path) / "wal")
    convert.convert(source, new_wal(tmp_path / "copy"), source.extents(), source.stable(), 2, no_progress)
    target = opened(tmp_path / "copy")
    assert convert.verify(source, target, source.extents(), 2, no_progress) == 366
    assert convert.digest(target) == builder.truth("wal-follower")["digest"]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_empty_log(tmp_path: Path, opened: Opener, workers: int) -> None:
    builder.write_boltdb(tmp_path / "raft.db", builder.log(5))
    source = opened(tmp_path / "raft.db")
    report = convert.convert(source, new_wal(tmp_path / "wal"), [], source.stable(), workers, no_progress)
    target = opened(tmp_path / "wal")
    assert (report.entries, report.bytes_written, convert.verify(source, target, [], workers, no_progress)) == (0, 0, 0)
    assert target.stable() == builder.VOTED


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_entry_is_named_with_its_file(tmp_path: Path, opened: Opener, workers: int) -> None:
    original = builder.log(40)
    builder.write_boltdb(tmp_path / "raft.db", original)
    raw = (tmp_path / "raft.db").read_bytes()
    mark = entry.encode_msgpack(original[20])
    (tmp_path / "raft.db").write_bytes(raw.replace(mark, mark.replace(b"Term", b"Tern")))
    source = opened(tmp_path / "raft.db")
    with pytest.raises(Corrupt, match=r"entry 21 is damaged: byte .* unknown key") as caught:
        convert.convert(source, new_wal(tmp_path / "wal"), source.extents(), source.stable(), workers, no_progress)
    assert caught.value.path == str(tmp_path / "raft.db")
    assert not (tmp_path / "wal/wal-meta.db").exists()


@st.composite
def logs(draw: st.DrawFn) -> List[Extent]:
    extents: List[Extent] = []
    index = draw(st.integers(1, 1000))
    for length in draw(st.lists(st.one_of(st.integers(1, 3 * MIB), st.integers(1, 200 * MIB)), max_size=60)):
        count = draw(st.integers(1, 9))
        extents.append(Extent(index, count, length, None))
        index += count
    return extents


@given(logs(), st.integers(MIB, 64 * MIB), st.integers(1, 8))
def test_parts_are_whole_extents_in_order_and_small_enough(extents: List[Extent], part_len: int, workers: int) -> None:
    parts = convert.make_parts(extents, part_len, workers)
    assert [extent for part in parts for extent in part.extents] == extents
    for part, following in zip(parts, [*parts[1:], None]):
        length = sum(extent.data_len for extent in part.extents)
        assert length <= part_len or len(part.extents) == 1
        assert part.first_index == part.extents[0].first_index
        assert part.entry_count == sum(extent.entry_count for extent in part.extents)
        room = 1 if length <= part_len else 2 * (length // part_len) + 2
        assert following is None or following.number >= part.number + room


def test_work_is_shared_when_there_is_enough_of_it() -> None:
    extents = [Extent(1 + number, 1, MIB, None) for number in range(70)]
    parts = convert.make_parts(extents, 64 * MIB, 2)
    assert [len(part.extents) for part in parts] == [35, 35]
    assert len(convert.make_parts(extents, 64 * MIB, 1)) == 2
    assert len(convert.make_parts(extents[:5], 64 * MIB, 2)) == 1


def test_no_part_has_a_hole() -> None:
    with pytest.raises(IndexGap, match="entry 9 follows entry 3"):
        convert.make_parts([Extent(1, 3, 5, None), Extent(9, 1, 5, None)], MIB, 1)


def test_memory_does_not_grow_with_the_store(tmp_path: Path) -> None:
    """125 MB in segments of 64 MiB, by one process: the peak stays within 40 MB of what the imports take."""
    assert endless.peak_growth("forth", tmp_path) < 40 << 20
    assert sum(path.stat().st_size for path in (tmp_path / "wal").glob("*.wal")) > 125_000_000


def test_a_full_disk_is_an_error_with_path_and_reason(tmp_path: Path) -> None:
    """A file size limit stands in for the full disk: the write is short, then refused."""

    def limited() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 * MIB, 3 * MIB))
        source = endless.Endless()
        try:
            convert.convert(
                source, new_wal(tmp_path / "wal", 64 * MIB), source.extents(), source.stable(), 2, no_progress
            )
        except StoreError as error:
            return f"{type(error).__name__}: {error}"
        return "no error"

    answer = builder.as_user(os.getuid(), limited)
    assert "WriteFailed" in answer and "File too large" in answer and str(tmp_path / "wal") in answer
    assert not (tmp_path / "wal/wal-meta.db").exists()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", builder.NAMES)
def test_the_way_back_keeps_the_content(tmp_path: Path, opened: Opener, name: str, workers: int) -> None:
    raft = builder.nomad_store(name, tmp_path)
    if name in BOLT_STORES:
        first = opened(raft / "raft.db")
        convert.convert(first, new_wal(raft / "wal"), kept_tail(first.extents()), first.stable(), 1, no_progress)
    source = opened(raft / "wal")
    target = BoltStoreWriter(Directory.open(str(tmp_path)), "made.db", 4096)
    report = convert.convert(source, target, source.extents(), source.stable(), workers, no_progress)
    target.close()
    made = opened(tmp_path / "made.db")
    assert convert.verify(source, made, source.extents(), workers, no_progress) == report.entries == source.entry_count
    assert builder.entries_of(tmp_path / "made.db") == builder.entries_of(raft / "wal")


def test_memory_does_not_grow_with_the_store_on_the_way_back(tmp_path: Path) -> None:
    """125 MB in segments of 64 MiB, by one process: the peak stays within 40 MB of what the imports take."""
    endless.to_wal(tmp_path)
    assert endless.peak_growth("back", tmp_path) < 40 << 20
    assert (tmp_path / "made.db").stat().st_size > 125_000_000
