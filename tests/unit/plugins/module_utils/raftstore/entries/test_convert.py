# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversion and verification: stores that Nomad wrote keep their content, and every difference is found."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Iterator, List, Sequence, Tuple

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils.disk.errors import Corrupt, IndexGap, StoreError
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.base.store import Batch, Extent, Part, Stable
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.boltdb.reader import BoltStore
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.boltdb.writer import BoltStoreWriter
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.entries import convert, entry
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.entries.entry import Entry
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.entries.gotime import GoTime
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.wal.reader import WalStore
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.wal.writer import WalStoreWriter
from hypothesis import given
from hypothesis import strategies as st
from support.stores import builder

BOLT_STORES = [name for name in builder.NAMES if not name.startswith("wal-")]
MIB = 1 << 20


def silent(_phase: str, _done: int, _total: int, _bytes_done: int) -> None:
    """Progress that nobody wants to see."""


@pytest.fixture
def opened() -> Iterator[Callable[[Path], Any]]:
    """Opens stores, and closes them behind the test."""
    fds: List[int] = []
    directories: List[Directory] = []

    def open_store(path: Path) -> Any:
        if path.is_dir():
            directories.append(Directory.open(str(path)))
            fds.append(os.open(str(path / "wal-meta.db"), os.O_RDONLY))
            return WalStore(directories[-1], fds[-1])
        fds.append(os.open(str(path), os.O_RDONLY))
        return BoltStore(fds[-1], str(path))

    yield open_store
    for directory in directories:
        directory.close()
    for fd in fds:
        os.close(fd)


def kept_tail(extents: Sequence[Extent]) -> Sequence[Extent]:
    """The extents behind the last hole."""
    start = len(extents) - 1
    while start > 0 and extents[start - 1].last_index + 1 == extents[start].first_index:
        start -= 1
    return extents[start:]


def writer(path: Path, segment_len: int = MIB) -> WalStoreWriter:
    path.mkdir()
    return WalStoreWriter(Directory.open(str(path)), segment_len)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", BOLT_STORES)
def test_what_nomad_wrote_keeps_its_content(
    tmp_path: Path, opened: Callable[[Path], Any], name: str, workers: int
) -> None:
    source = opened(builder.nomad_store(name, tmp_path) / "raft.db")
    extents = kept_tail(source.extents())
    count = sum(extent.entry_count for extent in extents)
    calls: List[Tuple[str, int, int, int]] = []
    report = convert.convert(
        source, writer(tmp_path / "wal"), extents, source.stable(), workers, lambda *call: calls.append(call)
    )
    target = opened(tmp_path / "wal")
    assert convert.verify(source, target, extents, workers, silent) == report.entries == target.entry_count == count
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


def test_the_digest_of_what_nomad_wrote(tmp_path: Path, opened: Callable[[Path], Any]) -> None:
    for name in builder.NAMES:
        raft = builder.nomad_store(name, tmp_path / name)
        store = opened(raft / "raft.db" if (raft / "raft.db").exists() else raft / "wal")
        assert convert.digest(store) == builder.truth(name)["digest"]


def test_a_wal_is_copied_to_a_wal(tmp_path: Path, opened: Callable[[Path], Any]) -> None:
    source = opened(builder.nomad_store("wal-follower", tmp_path) / "wal")
    convert.convert(source, writer(tmp_path / "copy"), source.extents(), source.stable(), 2, silent)
    target = opened(tmp_path / "copy")
    assert convert.verify(source, target, source.extents(), 2, silent) == 366
    assert convert.digest(target) == builder.truth("wal-follower")["digest"]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_empty_log(tmp_path: Path, opened: Callable[[Path], Any], workers: int) -> None:
    builder.write_boltdb(tmp_path / "raft.db", builder.log(5))
    source = opened(tmp_path / "raft.db")
    report = convert.convert(source, writer(tmp_path / "wal"), [], source.stable(), workers, silent)
    target = opened(tmp_path / "wal")
    assert (report.entries, report.bytes_written, convert.verify(source, target, [], workers, silent)) == (0, 0, 0)
    assert target.stable() == builder.VOTED


def changed(entries: List[Entry], index: int, **fields: Any) -> List[Entry]:
    return [replace(item, **fields) if item.index == index else item for item in entries]


ORIGINAL = builder.log(40)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        (changed(ORIGINAL, 7, term=4), "entry 7 differs"),
        (changed(ORIGINAL, 40, data=b""), "entry 40 differs"),
        (changed(ORIGINAL, 1, type=1), "entry 1 differs"),
        (changed(ORIGINAL, 9, extensions=b"x"), "entry 9 differs"),
        (changed(ORIGINAL, 9, appended_at=GoTime(9000, 6)), "entry 9 differs"),
        (ORIGINAL[:-1], "has 39 entries, 1 to 39; wanted 40, 1 to 40"),
        (ORIGINAL[1:], "has 39 entries, 2 to 40"),
        (builder.log(41), "has 41 entries"),
        ([], "has 0 entries"),
    ],
)
def test_verification_finds_every_difference(
    tmp_path: Path, opened: Callable[[Path], Any], entries: List[Entry], problem: str, workers: int
) -> None:
    builder.write_boltdb(tmp_path / "raft.db", ORIGINAL)
    builder.write_wal(tmp_path / "wal", entries)
    source = opened(tmp_path / "raft.db")
    with pytest.raises(Corrupt, match=problem) as caught:
        convert.verify(source, opened(tmp_path / "wal"), source.extents(), workers, silent)
    assert caught.value.path == str(tmp_path / "wal")


class Forgetful:
    """A store that says it has everything, and leaves out the last entry when it is read."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def batches(self, extents: Sequence[Extent]) -> Iterator[Batch]:
        for batch in self._store.batches(extents):
            yield batch.clipped(1, self._store.last_index - 1)


def test_entries_that_are_never_read_back_are_missed(tmp_path: Path, opened: Callable[[Path], Any]) -> None:
    builder.write_boltdb(tmp_path / "raft.db", ORIGINAL)
    builder.write_wal(tmp_path / "wal", ORIGINAL)
    source = opened(tmp_path / "raft.db")
    with pytest.raises(Corrupt, match="entries are missing after the first 39 from 1 on"):
        convert.verify(source, Forgetful(opened(tmp_path / "wal")), source.extents(), 1, silent)


def test_the_stable_values_are_compared(tmp_path: Path, opened: Callable[[Path], Any]) -> None:
    builder.write_boltdb(tmp_path / "raft.db", ORIGINAL)
    builder.write_wal(tmp_path / "wal", ORIGINAL, Stable(3, 3, b"10.0.0.2:4647"))
    source = opened(tmp_path / "raft.db")
    with pytest.raises(Corrupt, match="stable values differ"):
        convert.verify(source, opened(tmp_path / "wal"), source.extents(), 1, silent)


def test_forms_that_are_not_written_any_more_are_compared_by_value(
    tmp_path: Path, opened: Callable[[Path], Any]
) -> None:
    zoned = [replace(item, appended_at=GoTime(9, 9, 3600)) for item in ORIGINAL]
    builder.write_boltdb(tmp_path / "raft.db", [replace(item, appended_at=GoTime(9, 9)) for item in ORIGINAL])
    builder.write_wal(tmp_path / "wal", zoned)
    source = opened(tmp_path / "raft.db")
    assert convert.verify(source, opened(tmp_path / "wal"), source.extents(), 1, silent) == 40


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_entry_is_named_with_its_file(tmp_path: Path, opened: Callable[[Path], Any], workers: int) -> None:
    builder.write_boltdb(tmp_path / "raft.db", ORIGINAL)
    raw = (tmp_path / "raft.db").read_bytes()
    mark = entry.encode_msgpack(ORIGINAL[20])
    (tmp_path / "raft.db").write_bytes(raw.replace(mark, mark.replace(b"Term", b"Tern")))
    source = opened(tmp_path / "raft.db")
    with pytest.raises(Corrupt, match=r"entry 21 is damaged: byte .* unknown key") as caught:
        convert.convert(source, writer(tmp_path / "wal"), source.extents(), source.stable(), workers, silent)
    assert caught.value.path == str(tmp_path / "raft.db")
    assert not (tmp_path / "wal/wal-meta.db").exists()


@st.composite
def logs(draw: Any) -> List[Extent]:
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


class Endless:
    """A store of ENTRIES entries of 16 KiB which are made while they are read."""

    encoding = "msgpack"
    path = "endless"
    first_index = 1
    entry_count = last_index = 8000
    live_len = entry_count * 16500

    def stable(self) -> Stable:
        return Stable(1, 1, b"me")

    def extents(self) -> Sequence[Extent]:
        return [Extent(index, 50, 50 * 16500, None) for index in range(1, self.last_index, 50)]

    def batches(self, extents: Sequence[Extent]) -> Iterator[Batch]:
        for extent in extents:
            made = [
                entry.encode_msgpack(Entry(index, 1, 0, bytes(16384), b"", GoTime(1_800_000_000, index)))
                for index in range(extent.first_index, extent.last_index + 1)
            ]
            yield Batch(extent.first_index, made)


def test_memory_does_not_grow_with_the_store(tmp_path: Path) -> None:
    """125 MB in segments of 64 MiB, by one process: the peak stays within 40 MB of what the imports take."""
    code = (
        "import sys; from pathlib import Path; import resource as r\n"
        "from ansible_collections.raftops.nomad.tests.unit.plugins.module_utils.raftstore.entries "
        "import test_convert as t\n"
        "before = r.getrusage(r.RUSAGE_SELF).ru_maxrss\n"
        "t.convert_and_verify(Path(sys.argv[1]))\n"
        "print(before, r.getrusage(r.RUSAGE_SELF).ru_maxrss)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    answer = subprocess.run([sys.executable, "-c", code, str(tmp_path / "wal")], stdout=subprocess.PIPE, check=True,
                            env=environment)  # fmt: skip
    before_kb, peak_kb = map(int, answer.stdout.split())
    assert peak_kb - before_kb < 40 * 1024
    assert sum(path.stat().st_size for path in (tmp_path / "wal").glob("*.wal")) > 125_000_000


def convert_and_verify(path: Path) -> None:
    """What the test above runs in a process of its own."""
    source = Endless()
    convert.convert(source, writer(path, 64 * MIB), source.extents(), source.stable(), 1, silent)
    target = WalStore(Directory.open(str(path)), os.open(str(path / "wal-meta.db"), os.O_RDONLY))
    assert convert.verify(source, target, source.extents(), 1, silent) == source.entry_count


def test_a_full_disk_is_an_error_with_path_and_reason(tmp_path: Path) -> None:
    """A file size limit stands in for the full disk: the write is short, then refused."""

    def limited() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 * MIB, 3 * MIB))
        source = Endless()
        try:
            convert.convert(source, writer(tmp_path / "wal", 64 * MIB), source.extents(), source.stable(), 2, silent)
        except StoreError as error:
            return f"{type(error).__name__}: {error}"
        return "no error"

    answer = builder.as_user(os.getuid(), limited)
    assert "WriteFailed" in answer and "File too large" in answer and str(tmp_path / "wal") in answer
    assert not (tmp_path / "wal/wal-meta.db").exists()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", builder.NAMES)
def test_the_way_back_keeps_the_content(tmp_path: Path, opened: Callable[[Path], Any], name: str, workers: int) -> None:
    raft = builder.nomad_store(name, tmp_path)
    if name in BOLT_STORES:
        first = opened(raft / "raft.db")
        convert.convert(first, writer(raft / "wal"), kept_tail(first.extents()), first.stable(), 1, silent)
    source = opened(raft / "wal")
    target = BoltStoreWriter(Directory.open(str(tmp_path)), "made.db", 4096)
    report = convert.convert(source, target, source.extents(), source.stable(), workers, silent)
    target.close()
    made = opened(tmp_path / "made.db")
    assert convert.verify(source, made, source.extents(), workers, silent) == report.entries == source.entry_count
    assert builder.entries_of(tmp_path / "made.db") == builder.entries_of(raft / "wal")


def test_sides_that_are_cut_differently_are_compared_entry_by_entry(
    tmp_path: Path, opened: Callable[[Path], Any]
) -> None:
    """Extents of raft.db, of about two megabytes, beside segments that end anywhere."""
    entries = [Entry(index, 1, 0, bytes(18000), b"", GoTime(9, index)) for index in range(1, 701)]
    builder.write_boltdb(tmp_path / "raft.db", entries)
    source = opened(tmp_path / "raft.db")
    assert len(source.extents()) > 5
    for bad in (0, 1, 233, 234, 466, 700):
        path = tmp_path / f"wal-{bad}"
        made = writer(path)
        records = [(item.index, entry.encode_binary(item)) for item in changed(entries, bad, term=2)]
        results = []
        for number, (start, stop) in enumerate(((0, 233), (233, 466), (466, 700))):
            extent = Extent(start + 1, stop - start, 1, None)
            part = Part(number, start + 1, stop - start, [extent])
            results.append(made.write_part(part, iter([builder.batch_of(records[start:stop])])))
        made.seal(results, builder.VOTED)
        target = opened(path)
        if not bad:
            assert convert.verify(source, target, source.extents(), 2, silent) == 700
            assert convert.verify(target, source, target.extents(), 2, silent) == 700
            continue
        for one, other in ((source, target), (target, source)):
            with pytest.raises(Corrupt, match=f"entry {bad} differs"):
                convert.verify(one, other, one.extents(), 2, silent)


def test_one_store_includes_another(tmp_path: Path, opened: Callable[[Path], Any]) -> None:
    builder.write_boltdb(tmp_path / "raft.db", ORIGINAL)
    whole = opened(tmp_path / "raft.db")
    for number, (entries, expected) in enumerate([
        (ORIGINAL, True), (ORIGINAL[10:20], True), (ORIGINAL[:1], True), (ORIGINAL[39:], True),
        (builder.log(41), False), (builder.log(50, 41), False), (builder.log(50, 30), False),
        (changed(ORIGINAL, 7, term=4), False), (changed(ORIGINAL, 40, data=b"x"), False),
    ]):  # fmt: skip
        builder.write_wal(tmp_path / f"wal-{number}", entries)
        assert convert.includes(whole, opened(tmp_path / f"wal-{number}"), 1, silent) == expected


def test_memory_does_not_grow_with_the_store_on_the_way_back(tmp_path: Path) -> None:
    """125 MB in segments of 64 MiB, by one process: the peak stays within 40 MB of what the imports take."""
    code = (
        "import sys; from pathlib import Path; import resource as r\n"
        "from ansible_collections.raftops.nomad.tests.unit.plugins.module_utils.raftstore.entries "
        "import test_convert as t\n"
        "before = r.getrusage(r.RUSAGE_SELF).ru_maxrss\n"
        "t.convert_and_verify_back(Path(sys.argv[1]))\n"
        "print(before, r.getrusage(r.RUSAGE_SELF).ru_maxrss)\n"
    )
    source = Endless()
    convert.convert(source, writer(tmp_path / "wal", 64 * MIB), source.extents(), source.stable(), 1, silent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    answer = subprocess.run([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, check=True,
                            env=environment)  # fmt: skip
    before_kb, peak_kb = map(int, answer.stdout.split())
    assert peak_kb - before_kb < 40 * 1024
    assert (tmp_path / "made.db").stat().st_size > 125_000_000


def convert_and_verify_back(where: Path) -> None:
    """What the test above runs in a process of its own."""
    source = WalStore(Directory.open(str(where / "wal")), os.open(str(where / "wal/wal-meta.db"), os.O_RDONLY))
    target = BoltStoreWriter(Directory.open(str(where)), "made.db", 4096)
    convert.convert(source, target, source.extents(), source.stable(), 1, silent)
    target.close()
    made = BoltStore(os.open(str(where / "made.db"), os.O_RDONLY), "made.db")
    assert convert.verify(source, made, source.extents(), 1, silent) == source.entry_count


@pytest.mark.parametrize("place", [0, 77, 199])
@pytest.mark.parametrize("change", [{"data": b"y" * 200}, {"term": 4}, {"appended_at": GoTime(1_800_000_000, 7_000)}])
def test_a_difference_among_many_entries_of_one_length(
    tmp_path: Path, opened: Callable[[Path], Any], place: int, change: Any
) -> None:
    """They are compared many at a time, in both directions."""
    made = [Entry(index, 3, 0, b"x" * 200, b"", GoTime(1_800_000_000, index)) for index in range(300, 500)]
    changed = [*made[:place], replace(made[place], **change), *made[place + 1 :]]
    builder.write_boltdb(tmp_path / "raft.db", made)
    builder.write_wal(tmp_path / "wal", made)
    builder.write_wal(tmp_path / "other", changed)
    source, same, other = (opened(tmp_path / name) for name in ("raft.db", "wal", "other"))
    for one, two in ((source, same), (same, source)):
        assert convert.verify(one, two, one.extents(), 1, silent) == 200
    for one, two in ((source, other), (other, source)):
        with pytest.raises(Corrupt, match=f"entry {300 + place} differs"):
            convert.verify(one, two, one.extents(), 1, silent)
